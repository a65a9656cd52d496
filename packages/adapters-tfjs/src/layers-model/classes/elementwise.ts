/** Classes that compute every value of their result from the values in the same place. */
import { classes } from './describe.js';
import * as effect from './effect-rules.js';
import type { LayerClass } from './layer-class.js';
import { keepsPlace } from './place-rules.js';
import * as shape from './shape-rules.js';

const unary = { shape: shape.same, place: keepsPlace } as const;
const several = { effect: effect.stops('combines several tensors'), mask: 'passes' } as const;

export const ELEMENTWISE: readonly LayerClass[] = [
  ...classes('Activation', { ...unary, effect: effect.activates, mask: 'passes' }),
  ...classes('ReLU', { ...unary, effect: effect.rectifies, mask: 'passes' }),
  ...classes('LeakyReLU', { ...unary, effect: effect.homogeneous }),
  ...classes('ELU ThresholdedReLU', { ...unary, effect: effect.elementwise }),
  ...classes('PReLU', {
    ...unary,
    effect: effect.slopes,
    parameters: [{ weight: 'alpha', back: 'input', scaling: 'none' }],
    mask: 'passes',
  }),
  // These do nothing outside of training.
  ...classes('Dropout GaussianNoise GaussianDropout AlphaDropout', {
    ...unary,
    effect: effect.homogeneous,
    mask: 'passes',
  }),
  ...classes('SpatialDropout1D', { ...unary, effect: effect.homogeneous, mask: 'passes' }),
  ...classes('Masking', { ...unary, effect: effect.masks, mask: 'makes' }),
  ...classes('Rescaling', { ...unary, effect: effect.rescales }),
  ...classes('Add Multiply Average Maximum Minimum', { ...several, shape: shape.merged }),
  ...classes('Concatenate', { ...several, shape: shape.concatenated }),
  ...classes('Dot', { ...several, shape: shape.dotted, mask: undefined }),
];
