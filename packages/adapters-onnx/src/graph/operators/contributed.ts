/** Operators that onnxruntime adds, as its optimised models hold them. */
import { ELEMENTWISE, stops } from '@spherize/core';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { MICROSOFT as domain, operators } from './describe.js';
import * as effect from './effect-rules.js';
import * as attention from './flow-attention.js';
import * as products from './flow-products.js';
import * as flow from './flow-rules.js';
import type { Operator } from './operator.js';
import { keepsPlace } from './place-rules.js';
import {
  always,
  attended,
  attendedApart,
  convolved,
  embedded,
  gemm,
  matMul,
  same,
  widthOf,
} from './shape-rules.js';

const unary = { domain, inputs: 1, shape: same, place: keepsPlace, flow: flow.elementwise } as const;
const float = always(DataType.FLOAT);
const mixes = stops('mixes or reorders features');
const product = { domain, effect: mixes, products: 'uncounted' } as const;

export const CONTRIBUTED: readonly Operator[] = [
  ...operators('Gelu QuickGelu', { ...unary, effect: ELEMENTWISE }),
  ...operators('FastGelu BiasGelu', {
    ...unary,
    effect: effect.biased,
    parameters: [{ slot: 1, scaling: 'none' }],
    takesVectors: true,
  }),
  ...operators('SkipLayerNormalization', {
    domain,
    inputs: 2,
    shape: same,
    effect: stops('combines several tensors'),
    flow: products.addsAndNormalises,
    takesVectors: true,
  }),
  ...operators('SkipSimplifiedLayerNormalization', {
    domain,
    inputs: 2,
    shape: same,
    effect: stops('combines several tensors'),
    flow: products.addsAndNormalises,
    takesVectors: true,
  }),
  ...operators('BiasAdd', {
    domain,
    shape: same,
    inputs: 3,
    effect: stops('combines several tensors'),
    flow: flow.adds,
    takesVectors: true,
  }),
  ...operators('FusedMatMul', { ...product, inputs: 2, shape: matMul(), flow: products.multipliesFused }),
  ...operators('FusedGemm', { ...product, inputs: 2, shape: gemm, flow: products.multipliesAndActivates }),
  ...operators('FusedConv', {
    ...product,
    inputs: 2,
    shape: convolved(1),
    flow: products.convolvesFused,
    weights: 'convolution',
  }),
  ...operators('NhwcFusedConv', { ...product, inputs: 2, weights: 'convolution' }),
  ...operators('QGemm', { ...product, inputs: 2, type: float, weights: 'quantised' }),
  ...operators('MatMulIntegerToFloat DynamicQuantizeMatMul', {
    ...product,
    inputs: 2,
    shape: matMul(),
    type: float,
    weights: 'quantised',
  }),
  ...operators('MatMulNBits MatMulBnb4 MatMulFpQ4', {
    ...product,
    inputs: 2,
    shape: widthOf('N'),
    weights: 'quantised',
    packed: true,
  }),
  ...operators('DynamicQuantizeLSTM AttnLSTM', { ...product, inputs: 2, weights: 'recurrent' }),
  ...operators('GatherBlockQuantized', { ...product, type: float, weights: 'table' }),
  ...operators('EmbedLayerNormalization', { ...product, shape: embedded, type: float, weights: 'table' }),
  ...operators('Attention', { ...product, inputs: 2, shape: attended, flow: attention.attends }),
  ...operators('MultiHeadAttention', {
    ...product,
    inputs: 1,
    shape: attendedApart,
    flow: attention.attendsApart,
  }),
  ...operators('GroupQueryAttention', {
    ...product,
    inputs: 1,
    flow: attention.attendsCached,
  }),
];
