/** Classes that move, pick, repeat or pool values of other axes than that of the features. */
import { HOMOGENEOUS, LINEAR } from '@spherize/core';
import { classes, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { LayerClass } from './layer-class.js';
import * as place from './place-rules.js';
import * as shape from './shape-rules.js';

const POOLS = 'pools along the features';
const MOVES = 'moves along the features';
/** Images of a batch that are channels-last, whatever their configuration says. */
const images = {
  shape: shape.resized,
  place: place.keepsChannels(place.lastPlace),
  effect: effect.perChannel(MOVES, LINEAR, place.lastPlace),
  flow: flow.mixesPositions(2, MOVES, { last: true }),
} as const;
const planes = {
  place: place.keepsChannels(),
  effect: effect.perChannel(MOVES, LINEAR),
  flow: flow.mixesPositions(2, MOVES),
} as const;
const largest = { effect: effect.perChannel(POOLS, HOMOGENEOUS) } as const;
const mean = { effect: effect.perChannel(POOLS, LINEAR) } as const;
const largestOfSteps = { effect: effect.perChannel(POOLS, HOMOGENEOUS, place.lastPlace) } as const;
const meanOfSteps = { effect: effect.perChannel(POOLS, LINEAR, place.lastPlace) } as const;
const steps = {
  shape: shape.pooled(1),
  place: place.keepsChannels(place.lastPlace),
  flow: flow.mixesPositions(1, POOLS, { last: true }),
} as const;
const pools = (axes: 2 | 3) =>
  ({
    place: place.keepsChannels(),
    shape: shape.pooled(axes),
    flow: flow.mixesPositions(axes, POOLS),
  }) as const;
const allSteps = {
  shape: shape.pooledWhole(1),
  place: place.leavesChannels(place.lastPlace),
  flow: flow.mixesPositions(1, POOLS, { last: true, dropped: true }),
  rank: 2,
} as const;
const whole = {
  shape: shape.pooledWhole(2),
  place: place.leavesChannels(),
  flow: flow.mixesPositions(2, POOLS, { dropped: true }),
  rank: 2,
} as const;

export const LAYOUTS: readonly LayerClass[] = [
  ...standingApart('InputLayer', 'is an input', { shape: shape.declared }),
  ...classes('Flatten', { shape: shape.flattened, effect: effect.flattens, flow: flow.flattens, rank: 2 }),
  ...classes('Reshape', {
    shape: shape.reshaped,
    place: place.reshapes,
    effect: effect.reshapes,
    flow: flow.reshapes,
    sizes: 'target_shape',
  }),
  ...classes('Permute', {
    shape: shape.permuted,
    place: place.permutes,
    effect: effect.moves,
    flow: flow.transposes,
  }),
  ...classes('RepeatVector', {
    shape: shape.repeated,
    place: place.keepsPlace,
    effect: effect.moves,
    flow: flow.elementwise,
  }),
  ...classes('ZeroPadding2D', { ...planes, shape: shape.bordered('padding', 1) }),
  ...classes('Cropping2D', { ...planes, shape: shape.bordered('cropping', -1) }),
  ...classes('UpSampling2D', { ...planes, shape: shape.enlarged }),
  ...classes('CenterCrop Resizing', images),
  ...standingApart('RandomWidth', 'draws a width at random'),
  ...classes('MaxPooling1D', { ...steps, ...largestOfSteps }),
  ...classes('AveragePooling1D', { ...steps, ...meanOfSteps }),
  ...classes('MaxPooling2D', { ...pools(2), ...largest }),
  ...classes('AveragePooling2D', { ...pools(2), ...mean }),
  ...classes('MaxPooling3D', { ...pools(3), ...largest }),
  ...classes('AveragePooling3D', { ...pools(3), ...mean }),
  ...classes('GlobalMaxPooling1D', { ...allSteps, ...largestOfSteps }),
  ...classes('GlobalAveragePooling1D', { ...allSteps, ...meanOfSteps }),
  ...classes('GlobalMaxPooling2D', { ...whole, ...largest }),
  ...classes('GlobalAveragePooling2D', { ...whole, ...mean }),
];
