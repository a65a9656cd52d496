/** Classes that move, pick, repeat or pool values of other axes than that of the features. */
import { classes, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import type { LayerClass } from './layer-class.js';
import * as place from './place-rules.js';
import * as shape from './shape-rules.js';

const POOLS = 'pools along the features';
const MOVES = 'moves along the features';
/** Images of a batch that are channels-last, whatever their configuration says. */
const images = {
  shape: shape.resized,
  place: place.keepsChannels(place.lastPlace),
  effect: effect.perChannel(MOVES, place.lastPlace),
} as const;
const planes = { place: place.keepsChannels(), effect: effect.perChannel(MOVES) } as const;
const pools = { place: place.keepsChannels(), effect: effect.perChannel(POOLS) } as const;
const poolsWhole = { place: place.leavesChannels(), effect: effect.perChannel(POOLS), rank: 2 } as const;

export const LAYOUTS: readonly LayerClass[] = [
  ...standingApart('InputLayer', 'is an input', { shape: shape.declared }),
  ...classes('Flatten', { shape: shape.flattened, effect: effect.flattens, rank: 2 }),
  ...classes('Reshape', {
    shape: shape.reshaped,
    place: place.reshapes,
    effect: effect.reshapes,
    sizes: 'target_shape',
  }),
  ...classes('Permute', { shape: shape.permuted, place: place.permutes, effect: effect.moves }),
  ...classes('RepeatVector', { shape: shape.repeated, place: place.keepsPlace, effect: effect.moves }),
  ...classes('ZeroPadding2D', { ...planes, shape: shape.bordered('padding', 1) }),
  ...classes('Cropping2D', { ...planes, shape: shape.bordered('cropping', -1) }),
  ...classes('UpSampling2D', { ...planes, shape: shape.enlarged }),
  ...classes('CenterCrop Resizing', images),
  ...standingApart('RandomWidth', 'draws a width at random'),
  ...classes('MaxPooling1D AveragePooling1D', {
    shape: shape.pooled(1),
    place: place.keepsChannels(place.lastPlace),
    effect: effect.perChannel(POOLS, place.lastPlace),
  }),
  ...classes('MaxPooling2D AveragePooling2D', { ...pools, shape: shape.pooled(2) }),
  ...classes('MaxPooling3D AveragePooling3D', { ...pools, shape: shape.pooled(3) }),
  ...classes('GlobalMaxPooling1D GlobalAveragePooling1D', {
    shape: shape.pooledWhole(1),
    place: place.leavesChannels(place.lastPlace),
    effect: effect.perChannel(POOLS, place.lastPlace),
    rank: 2,
  }),
  ...classes('GlobalMaxPooling2D GlobalAveragePooling2D', { ...poolsWhole, shape: shape.pooledWhole(2) }),
];
