/** Operators that multiply by weights or by other tensors, and those that hold graphs of their own. */
import { stops } from '@spherize/core';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { operators, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import * as attention from './flow-attention.js';
import { sumsProducts } from './flow-einsum.js';
import * as products from './flow-products.js';
import * as flow from './flow-rules.js';
import type { Operator } from './operator.js';
import { makesChannels } from './place-rules.js';
import * as product from './product-rules.js';
import * as shape from './shape-rules.js';
import * as value from './value-rules.js';

const mixes = stops('mixes or reorders features');
const quantised = {
  inputs: 2,
  effect: mixes,
  flow: flow.ends('computes with quantised weights'),
  products: 'uncounted',
} as const;
const int32 = shape.always(DataType.INT32);
/** What is known of the results of graphs inside. */
const float = shape.always(DataType.FLOAT);

export const PRODUCTS: readonly Operator[] = [
  ...operators('Gemm', {
    inputs: 2,
    shape: shape.gemm,
    effect: mixes,
    finite: 'weights',
    products: product.matrixProduct,
    weights: 'matrix',
  }),
  ...operators('MatMul', {
    inputs: 2,
    shape: shape.matMul(),
    effect: mixes,
    flow: flow.contracts,
    finite: 'weights',
    products: product.matrixProduct,
    weights: 'matrix',
  }),
  ...operators('Conv', {
    inputs: 2,
    shape: shape.convolved(1),
    makes: makesChannels,
    effect: effect.convolves,
    parameters: [
      { slot: 1, scaling: 'multiply', first: true },
      { slot: 2, scaling: 'multiply' },
    ],
    flow: products.convolves,
    finite: 'weights',
    products: product.convolution,
    weights: 'convolution',
  }),
  ...operators('ConvTranspose', {
    inputs: 2,
    shape: shape.convolvedBack,
    effect: mixes,
    flow: products.convolvesBack,
    finite: 'weights',
    products: product.transposedConvolution,
    weights: 'transposed convolution',
  }),
  ...operators('DeformConv@19', {
    inputs: 3,
    effect: mixes,
    products: 'uncounted',
    weights: 'convolution',
  }),
  ...operators('ConvInteger@10', {
    ...quantised,
    shape: shape.convolved(1),
    type: int32,
    weights: 'quantised convolution',
  }),
  ...operators('QLinearConv@10', {
    ...quantised,
    shape: shape.convolved(3),
    type: shape.typeOfInput(7),
    weights: 'quantised convolution',
  }),
  ...operators('MatMulInteger@10', {
    ...quantised,
    shape: shape.matMul(),
    type: int32,
    weights: 'quantised',
  }),
  ...operators('QLinearMatMul@10', {
    ...quantised,
    shape: shape.matMul(0, 3),
    type: shape.typeOfInput(7),
    weights: 'quantised',
  }),
  ...operators('Einsum@12', {
    inputs: 1,
    shape: shape.contracted,
    effect: mixes,
    flow: sumsProducts,
    products: 'uncounted',
    weights: 'einsum',
  }),
  ...operators('LSTM GRU RNN', {
    inputs: 3,
    effect: mixes,
    flow: flow.ends('feeds its outputs back to its gates'),
    finite: 'weights',
    products: 'uncounted',
    weights: 'recurrent',
  }),
  ...operators('Attention@23', {
    inputs: 3,
    shape: shape.attendedToHeads,
    effect: mixes,
    flow: attention.attendsToHeads,
    products: 'uncounted',
  }),
  ...operators('RotaryEmbedding@23', {
    inputs: 3,
    shape: shape.same,
    effect: stops('turns pairs of features'),
    flow: flow.ends('turns pairs of features by their position'),
  }),
  ...operators('TensorScatter@24', {
    inputs: 2,
    shape: shape.same,
    effect: stops('puts values in places of its own'),
  }),
  ...operators('If Loop Scan', {
    type: float,
    effect: stops('runs graphs of its own'),
    flow: flow.ends('runs graphs of its own'),
    products: 'uncounted',
  }),
  ...operators('Det@11', { inputs: 1, effect: stops('gives one number of a matrix') }),
  ...operators('DFT@17', { inputs: 1, effect: stops('turns values into frequencies') }),
  ...standingApart('STFT@17', 'reads signals, with one axis for the samples', { inputs: 2 }),
  ...standingApart(
    'SoftmaxCrossEntropyLoss@12 NegativeLogLikelihoodLoss@12',
    'is a loss for training: it compares scores with classes',
  ),
];

/** Operators that do not read, or do not make, tensors of numbers with features. */
export const OTHERS: readonly Operator[] = [
  ...standingApart('Constant', 'holds a value'),
  ...standingApart('Range@11', 'reads sizes', { shape: shape.ranged, values: value.ranges }),
  ...standingApart('HannWindow@17 HammingWindow@17 BlackmanWindow@17 MelWeightMatrix@17', 'reads sizes'),
  ...standingApart(
    'RandomNormal RandomNormalLike RandomUniform RandomUniformLike Multinomial',
    'draws random numbers',
  ),
  ...standingApart(
    'SequenceAt@11 SequenceConstruct@11 SequenceEmpty@11 SequenceErase@11 SequenceInsert@11 SequenceLength@11 ' +
      'SplitToSequence@11 ConcatFromSequence@11',
    'works on lists of tensors',
  ),
  ...standingApart('SequenceMap@17', 'works on lists of tensors', { products: 'uncounted' }),
  ...standingApart(
    'Optional@15 OptionalGetElement@15 OptionalHasElement@15',
    'works on values that may lack',
  ),
  ...standingApart(
    'StringNormalizer@10 StringConcat@20 StringSplit@20 RegexFullMatch@20 TfIdfVectorizer@9',
    'reads text',
  ),
  ...standingApart('ImageDecoder@20', 'reads bytes of images'),
  ...standingApart('BitCast@26', 'reads bits, not values'),
];
