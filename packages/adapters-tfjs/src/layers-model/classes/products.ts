/** Classes that multiply by weights, and that look up rows of them. */
import { stops } from '@spherize/core';
import { classes } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { FeatureParameter, LayerClass } from './layer-class.js';
import * as products from './product-rules.js';
import * as shape from './shape-rules.js';

const BIAS: FeatureParameter = { weight: 'bias', back: 0, scaling: 'multiply' };
const kernel = (weight: string, back: number): readonly FeatureParameter[] => [
  { weight, back, scaling: 'multiply' },
  BIAS,
];

const LOOKS_UP = 'looks up rows of a table';
const ENCODES = 'turns whole numbers into places';

const convolution = {
  effect: effect.convolves,
  flow: flow.multiplies('inputs first'),
  activates: true,
  size: 'filters',
  parameters: kernel('kernel', 0),
  products: products.perOutput,
  weights: 'convolution',
} as const;
/** Kernels of shape `[…window, outputs, inputs]`. */
const transposed = {
  ...convolution,
  flow: flow.multiplies('outputs first'),
  parameters: kernel('kernel', 1),
  products: products.perInput,
  weights: 'transposed convolution',
} as const;

export const PRODUCTS: readonly LayerClass[] = [
  ...classes('Dense', {
    shape: shape.makes('units'),
    effect: effect.multiplies,
    flow: flow.multiplies('inputs first'),
    activates: true,
    size: 'units',
    products: products.perOutput,
    weights: 'matrix',
    mask: 'passes',
  }),
  ...classes('Conv1D', {
    ...convolution,
    shape: shape.convolved(1),
    flow: flow.channelsLastAlone(convolution.flow),
  }),
  ...classes('Conv2D', { ...convolution, shape: shape.convolved(2) }),
  ...classes('Conv3D', { ...convolution, shape: shape.convolved(3) }),
  ...classes('Conv2DTranspose', { ...transposed, shape: shape.convolvedBack(2) }),
  ...classes('Conv3DTranspose', { ...transposed, shape: shape.convolvedBack(3) }),
  ...classes('SeparableConv2D', {
    ...convolution,
    shape: shape.convolved(2),
    flow: flow.channelsLastAlone(flow.separates),
    parameters: kernel('pointwise_kernel', 0),
    products: products.perPosition,
    weights: 'separable convolution',
  }),
  ...classes('DepthwiseConv2D', {
    shape: shape.convolvedEach,
    effect: effect.convolvesEach,
    flow: flow.filters,
    activates: true,
    parameters: kernel('depthwise_kernel', 1),
    products: products.perWindow,
    weights: 'depthwise convolution',
  }),
  ...classes('Embedding', {
    shape: shape.looked,
    effect: stops(LOOKS_UP),
    flow: flow.looksUp(LOOKS_UP),
    size: 'output_dim',
    weights: 'table',
    mask: 'makes where mask_zero says so',
  }),
  ...classes('CategoryEncoding', {
    shape: shape.encoded,
    effect: stops(ENCODES),
    flow: flow.other(ENCODES),
  }),
];
