/** Operations that move, cut, join and repeat, and those that tell sizes: none of them stands between two fully connected layers. */
import * as effect from './effect-rules.js';
import { ends } from './flow.js';
import * as layout from './flow-layouts.js';
import * as flow from './flow-rules.js';
import type { Operation } from './operation.js';
import * as sized from './product-shapes.js';
import * as shape from './shape-rules.js';
import { standingApart } from './table-entries.js';
import * as value from './value-rules.js';

const MOVES = 'moves features to other places';
const CONTROL = 'is part of a loop or a branch';
const TELLS = 'tells sizes, not values';

export const LAYOUTS: readonly Operation[] = [
  ...standingApart('Pad PadV2 MirrorPad', MOVES, { flow: layout.pads, shape: shape.padded }),
  ...standingApart('Split', MOVES, { flow: layout.splits, shape: shape.split, values: value.splits }),
  ...standingApart('SplitV', MOVES, { flow: layout.splitsAt, shape: shape.splitAt, values: value.splitsAt }),
  ...standingApart('Slice', MOVES, { flow: layout.cuts, shape: shape.cut, values: value.cuts }),
  ...standingApart('StridedSlice', MOVES, {
    flow: layout.cutsInSteps,
    shape: shape.cutInSteps,
    values: value.cutsInSteps,
  }),
  ...standingApart('Pack', MOVES, { flow: layout.stacks, shape: shape.stacked, values: value.stacks }),
  ...standingApart('Unpack', MOVES, {
    flow: layout.takesApart,
    shape: shape.unstacked,
    values: value.takesApart,
  }),
  ...standingApart('Tile', MOVES, { flow: layout.tiles, shape: shape.tiled }),
  ...standingApart('BroadcastTo', MOVES, { flow: flow.stretches, shape: shape.says(1) }),
  ...standingApart('ReverseV2', MOVES, {
    flow: flow.runsAlong('turns them round'),
    shape: shape.sameAsFirst,
  }),
  ...standingApart('ResizeBilinear ResizeNearestNeighbor', MOVES, {
    flow: flow.mixesPositions('mixes values of neighbouring places'),
    shape: sized.resized,
  }),
  ...standingApart('SpaceToBatchND', MOVES, { flow: flow.spreads, shape: sized.spread('more') }),
  ...standingApart('BatchToSpaceND', MOVES, { flow: flow.spreads, shape: sized.spread('fewer') }),
  ...standingApart('DepthToSpace', MOVES, {
    flow: layout.makesPositions,
    shape: sized.exchanged('more'),
  }),
  ...standingApart('SpaceToDepth', MOVES, {
    flow: layout.makesChannels,
    shape: sized.exchanged('fewer'),
  }),
  ...standingApart('Shape', TELLS, {
    effect: effect.tellsSizes,
    flow: flow.sizes,
    shape: shape.shapeOfFirst,
    values: value.shapeItself,
  }),
  ...standingApart('Size', TELLS, { flow: flow.sizes, shape: shape.scalar, values: value.sizeItself }),
  ...standingApart('Rank', TELLS, { flow: flow.sizes, shape: shape.scalar, values: value.rankItself }),
  ...standingApart('ZerosLike OnesLike', TELLS, { flow: flow.sizes, shape: shape.sameAsFirst }),
  ...standingApart('Fill', TELLS, { flow: flow.sizes, shape: shape.says(0), values: value.fills }),
  ...standingApart('Range', TELLS, { flow: flow.sizes, shape: shape.counted, values: value.counts }),
  ...standingApart('Switch', CONTROL, { flow: ends(CONTROL), shape: shape.switched }),
  ...standingApart('Merge', CONTROL, { flow: ends(CONTROL), shape: shape.merged }),
  ...standingApart('Enter Exit NextIteration LoopCond TensorListGetItem TensorArrayReadV3', CONTROL, {
    flow: ends(CONTROL),
  }),
];
