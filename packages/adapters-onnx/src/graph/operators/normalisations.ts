/** Operators that divide features by what others of them, or other places of theirs, add up to. */
import { stops } from '@spherize/core';
import { operators } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { Operator } from './operator.js';
import { keepsPlace } from './place-rules.js';
import { same } from './shape-rules.js';

export const NORMALISATIONS: readonly Operator[] = [
  ...operators('BatchNormalization', {
    inputs: 5,
    shape: same,
    place: keepsPlace,
    effect: effect.normalisesChannels,
    flow: flow.normalisesBatches,
    parameters: [
      { slot: 1, scaling: 'multiply' },
      { slot: 2, scaling: 'multiply' },
      { slot: 3, scaling: 'none' },
      { slot: 4, scaling: 'none' },
    ],
    finite: 'weights',
  }),
  ...operators('InstanceNormalization', {
    inputs: 3,
    shape: same,
    place: keepsPlace,
    effect: effect.normalisesChannels,
    flow: flow.normalisesPositions,
    parameters: [
      { slot: 1, scaling: 'multiply' },
      { slot: 2, scaling: 'multiply' },
    ],
    finite: 'weights',
  }),
  ...operators('LayerNormalization@17', {
    inputs: 2,
    shape: same,
    effect: effect.normalisesFeatures,
    flow: flow.normalises,
    parameters: [
      { slot: 1, scaling: 'multiply' },
      { slot: 2, scaling: 'multiply' },
    ],
    takesVectors: true,
    finite: 'weights',
  }),
  // SimplifiedLayerNormalization is onnxruntime's name for it, in the standard domain.
  ...operators('RMSNormalization@23 SimplifiedLayerNormalization@1', {
    inputs: 2,
    shape: same,
    effect: effect.normalisesFeatures,
    flow: flow.normalises,
    parameters: [{ slot: 1, scaling: 'multiply' }],
    takesVectors: true,
  }),
  ...operators('GroupNormalization@21', {
    inputs: 3,
    shape: same,
    effect: stops('normalises over groups of features'),
    flow: flow.ends('normalises over groups of them'),
    finite: 'weights',
  }),
  ...operators('MeanVarianceNormalization@9 LpNormalization', {
    inputs: 1,
    shape: same,
    effect: stops('normalises over whole axes'),
    flow: flow.normalisesAxes,
  }),
  ...operators('LRN', {
    inputs: 1,
    shape: same,
    effect: stops('normalises over neighbouring features'),
    flow: flow.ends('normalises over neighbouring ones'),
  }),
  ...operators('Softmax LogSoftmax', {
    inputs: 1,
    shape: same,
    effect: stops('sums over a whole axis'),
    flow: flow.mixesAxis('sums over them'),
  }),
  ...operators('Hardmax', {
    inputs: 1,
    shape: same,
    effect: stops('compares the values of a whole axis'),
    flow: flow.mixesAxis('compares them'),
  }),
];
