/** Operators that move values, pick some of them, or reduce axes. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { operators, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import type { Operator } from './operator.js';
import * as place from './place-rules.js';
import * as shape from './shape-rules.js';

const integers = shape.always(DataType.INT64);
const reduction = { inputs: 1, shape: shape.reduced, place: place.reducesOthers } as const;
const picking = { inputs: 1, effect: effect.stops('picks some of the values') } as const;
const table = {
  inputs: 2,
  weights: 'table',
  effect: effect.stops('picks values in an order of its own'),
} as const;
const pool = { inputs: 1, shape: shape.pooled, place: place.poolsChannels, effect: effect.pools } as const;

export const LAYOUTS: readonly Operator[] = [
  ...operators('Flatten', {
    inputs: 1,
    shape: shape.flattened,
    place: place.flattens,
    effect: effect.flattens,
  }),
  ...operators('Reshape', {
    inputs: 1,
    shape: shape.reshaped,
    place: place.reshapes,
    effect: effect.reshapes,
  }),
  ...operators('Squeeze', {
    inputs: 1,
    shape: shape.squeezed,
    place: place.squeezes,
    effect: effect.movesAxes,
  }),
  ...operators('Unsqueeze', {
    inputs: 1,
    shape: shape.unsqueezed,
    place: place.unsqueezes,
    effect: effect.movesAxes,
  }),
  ...operators('Transpose', {
    inputs: 1,
    shape: shape.transposed,
    place: place.transposes,
    effect: effect.transposes,
    finite: 'weights',
  }),
  ...operators('MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool', pool),
  ...operators('ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2', {
    ...reduction,
    effect: effect.reduces({ type: 'homogeneous' }),
  }),
  ...operators('ReduceLogSum ReduceLogSumExp ReduceProd ReduceSumSquare', {
    ...reduction,
    effect: effect.reduces({ type: 'elementwise' }),
  }),
  ...operators('ArgMax ArgMin', {
    inputs: 1,
    type: integers,
    effect: effect.stops('tells places, not values'),
  }),
  ...operators('Concat', {
    shape: shape.concatenated,
    takesVectors: true,
    effect: effect.stops('puts several tensors side by side'),
  }),
  ...operators('Slice', { ...picking, shape: shape.sliced }),
  ...operators('Split', { ...picking, shape: shape.split, outputsAlike: true }),
  ...operators('Compress@9 TopK@10 CenterCropPad@18', picking),
  ...operators('Gather', { ...table, shape: shape.gathered }),
  ...operators('GatherElements@11 GatherND@11', table),
  ...operators('Scatter@9 ScatterElements@11 ScatterND@11', {
    inputs: 3,
    shape: shape.same,
    effect: effect.stops('puts values in places of its own'),
  }),
  ...operators('ReverseSequence@10 Trilu@14', {
    inputs: 1,
    shape: shape.same,
    effect: effect.stops('treats places of a tensor differently'),
  }),
  ...operators('Pad', { inputs: 1, effect: effect.stops('adds values at the edges') }),
  ...operators('Expand@8', {
    inputs: 2,
    takesVectors: true,
    effect: effect.stops('may repeat features'),
  }),
  ...operators('Tile', { inputs: 2, effect: effect.stops('may repeat features') }),
  ...operators('DepthToSpace SpaceToDepth Col2Im@18', {
    inputs: 1,
    effect: effect.stops('splits or merges features'),
  }),
  ...operators('Resize@10 Upsample GridSample@16', {
    inputs: 1,
    effect: effect.stops('mixes values of neighbouring places'),
  }),
  ...operators('CumSum@11', { inputs: 2, shape: shape.same, effect: effect.stops('adds up along an axis') }),
  ...standingApart('Shape', 'tells the shape of a tensor, not its values', {
    inputs: 1,
    shape: shape.shapeOf,
    type: integers,
  }),
  ...standingApart('Size', 'tells the size of a tensor, not its values', { inputs: 1, type: integers }),
  ...standingApart('NonZero@9', 'makes as many places as there are values other than 0', {
    inputs: 1,
    type: integers,
  }),
  ...standingApart('Unique@11', 'makes as many values as differ'),
  ...standingApart('OneHot@9', 'turns classes into features'),
  ...standingApart('MaxUnpool@9 MaxRoiPool RoiAlign@10', 'reads places that another operation chooses'),
  ...standingApart('AffineGrid@20', 'makes coordinates of angles'),
  ...standingApart('NonMaxSuppression@10', 'chooses boxes'),
  ...standingApart('ConstantOfShape@9', 'reads a shape, not values', { type: shape.typeOfValue }),
  ...standingApart('EyeLike@9', 'reads a shape, not values'),
];
