/** Classes that compute every value of their result from the values in the same place. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, stops } from '@spherize/core';
import { classes } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { FeatureParameter, LayerClass } from './layer-class.js';
import { keepsPlace } from './place-rules.js';
import * as shape from './shape-rules.js';

const unary = { shape: shape.same, place: keepsPlace, flow: flow.elementwise } as const;
const SLOPES: readonly FeatureParameter[] = [{ weight: 'alpha', back: 'input', scaling: 'none' }];
const COMPARES = 'compares all features with its value';
const several = { effect: stops('combines several tensors'), mask: 'passes' } as const;

export const ELEMENTWISE_CLASSES: readonly LayerClass[] = [
  ...classes('Activation', {
    ...unary,
    effect: effect.activates,
    flow: flow.activates,
    mask: 'passes',
  }),
  ...classes('ReLU', { ...unary, effect: effect.rectifies, mask: 'passes' }),
  ...classes('LeakyReLU', { ...unary, effect: HOMOGENEOUS }),
  ...classes('ELU ThresholdedReLU', { ...unary, effect: ELEMENTWISE }),
  ...classes('PReLU', {
    ...unary,
    effect: effect.slopes,
    flow: flow.slopes(SLOPES),
    parameters: SLOPES,
    mask: 'passes',
  }),
  // These do nothing outside of training.
  ...classes('Dropout GaussianNoise GaussianDropout AlphaDropout', {
    ...unary,
    effect: LINEAR,
    mask: 'passes',
  }),
  ...classes('SpatialDropout1D', { ...unary, effect: LINEAR, mask: 'passes' }),
  ...classes('Masking', { ...unary, effect: effect.masks, flow: flow.mixesLast(COMPARES), mask: 'makes' }),
  ...classes('Rescaling', { ...unary, effect: effect.rescales, flow: flow.rescales }),
  ...classes('Add Average', { ...several, shape: shape.merged, flow: flow.adds }),
  ...classes('Multiply Maximum Minimum', { ...several, shape: shape.merged, flow: flow.elementwise }),
  ...classes('Concatenate', {
    ...several,
    shape: shape.concatenated,
    flow: flow.concatenates,
  }),
  ...classes('Dot', { ...several, shape: shape.dotted, flow: flow.contracts, mask: undefined }),
];
