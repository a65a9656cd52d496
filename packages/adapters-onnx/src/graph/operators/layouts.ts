/** Operators that move values, pick some of them, or reduce axes. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, stops } from '@spherize/core';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import * as arithmetic from '../../tensors/integer-arithmetic.js';
import { operators, standingApart } from './describe.js';
import * as effect from './effect-rules.js';
import * as flow from './flow-rules.js';
import type { Operator } from './operator.js';
import * as place from './place-rules.js';
import * as shape from './shape-rules.js';
import * as value from './value-rules.js';

const integers = shape.always(DataType.INT64);
const reduction = {
  inputs: 1,
  shape: shape.reduced,
  place: place.reducesOthers,
  flow: flow.reduces,
} as const;
const linearly = effect.reduces(LINEAR);
const evenly = effect.reduces(HOMOGENEOUS);
const unevenly = effect.reduces(ELEMENTWISE);
const splits = stops('splits or merges features');
const neighbours = stops('mixes values of neighbouring places');
const picking = { inputs: 1, effect: stops('picks some of the values') } as const;
const table = {
  inputs: 2,
  weights: 'table',
  effect: stops('picks values in an order of its own'),
} as const;
const pool = {
  inputs: 1,
  shape: shape.pooled,
  place: place.poolsChannels,
  flow: flow.mixesPositions('pools along them'),
} as const;
const resizing = { inputs: 1, shape: shape.resized, effect: neighbours, flow: flow.resizes } as const;

export const LAYOUTS: readonly Operator[] = [
  ...operators('Flatten', {
    inputs: 1,
    shape: shape.flattened,
    values: value.passes,
    place: place.flattens,
    effect: effect.flattens,
    flow: flow.reshapes,
  }),
  ...operators('Reshape', {
    inputs: 1,
    shape: shape.reshaped,
    values: value.passes,
    place: place.reshapes,
    effect: effect.reshapes,
    flow: flow.reshapes,
    target: 1,
  }),
  ...operators('Squeeze', {
    inputs: 1,
    shape: shape.squeezed,
    values: value.passes,
    place: place.squeezes,
    effect: effect.movesAxes,
    flow: flow.reshapes,
  }),
  ...operators('Unsqueeze', {
    inputs: 1,
    shape: shape.unsqueezed,
    values: value.passes,
    place: place.unsqueezes,
    effect: effect.movesAxes,
    flow: flow.reshapes,
  }),
  ...operators('Transpose', {
    inputs: 1,
    shape: shape.transposed,
    values: value.transposes,
    place: place.transposes,
    effect: effect.transposes,
    flow: flow.transposes,
    finite: 'weights',
  }),
  ...operators('MaxPool LpPool GlobalMaxPool GlobalLpPool', {
    ...pool,
    effect: effect.pools(HOMOGENEOUS),
  }),
  ...operators('AveragePool GlobalAveragePool', { ...pool, effect: effect.pools(LINEAR) }),
  ...operators('ReduceMean', { ...reduction, effect: linearly }),
  ...operators('ReduceL1 ReduceL2', { ...reduction, effect: evenly }),
  ...operators('ReduceSum', { ...reduction, effect: linearly, values: value.reduces(arithmetic.add) }),
  ...operators('ReduceMax', { ...reduction, effect: evenly, values: value.reduces(arithmetic.larger) }),
  ...operators('ReduceMin', { ...reduction, effect: evenly, values: value.reduces(arithmetic.smaller) }),
  ...operators('ReduceLogSum ReduceLogSumExp ReduceSumSquare', { ...reduction, effect: unevenly }),
  ...operators('ReduceProd', { ...reduction, effect: unevenly, values: value.reduces(arithmetic.multiply) }),
  ...operators('ArgMax ArgMin', {
    inputs: 1,
    shape: shape.reducedAlong,
    type: integers,
    effect: stops('tells places, not values'),
  }),
  ...operators('Concat', {
    shape: shape.concatenated,
    values: value.concatenates,
    takesVectors: true,
    effect: stops('puts several tensors side by side'),
    flow: flow.concatenates,
  }),
  ...operators('Slice', { ...picking, shape: shape.sliced, values: value.slices, flow: flow.slices }),
  ...operators('Split', {
    ...picking,
    shape: shape.split,
    values: value.splits,
    outputsAlike: true,
    flow: flow.splits,
  }),
  ...operators('Compress@9 CenterCropPad@18', picking),
  ...operators('TopK@10', { ...picking, shape: shape.picked, outputsAlike: true }),
  ...operators('Gather', { ...table, shape: shape.gathered, values: value.gathers, flow: flow.gathers }),
  ...operators('GatherElements@11', { ...table, shape: shape.sameAs(1) }),
  ...operators('GatherND@11', { ...table, shape: shape.gatheredAtPlaces }),
  ...operators('Scatter@9 ScatterElements@11 ScatterND@11', {
    inputs: 3,
    shape: shape.same,
    effect: stops('puts values in places of its own'),
  }),
  ...operators('ReverseSequence@10 Trilu@14', {
    inputs: 1,
    shape: shape.same,
    effect: stops('treats places of a tensor differently'),
  }),
  ...operators('Pad', {
    inputs: 1,
    shape: shape.padded,
    effect: stops('adds values at the edges'),
    flow: flow.pads,
  }),
  ...operators('Expand@8', {
    inputs: 2,
    shape: shape.expanded,
    flow: flow.expands,
    target: 1,
    values: value.stretches,
    takesVectors: true,
    effect: stops('may repeat features'),
  }),
  ...operators('Tile', {
    inputs: 2,
    shape: shape.tiled,
    values: value.tiles,
    effect: stops('may repeat features'),
    flow: flow.tiles,
  }),
  ...operators('DepthToSpace SpaceToDepth', {
    inputs: 1,
    shape: shape.blocks,
    effect: splits,
    flow: flow.movesBlocks,
  }),
  ...operators('Col2Im@18', { inputs: 1, effect: splits }),
  ...operators('Resize@10', { ...resizing, target: 3 }),
  ...operators('Upsample', resizing),
  ...operators('GridSample@16', { inputs: 1, effect: neighbours }),
  ...operators('CumSum@11', {
    inputs: 2,
    shape: shape.same,
    effect: stops('adds up along an axis'),
    flow: flow.runsAlong('adds up along them'),
  }),
  ...standingApart('Shape', 'tells the shape of a tensor, not its values', {
    inputs: 1,
    effect: effect.tellsSizes,
    shape: shape.shapeOf,
    flow: flow.sizes,
    values: value.shapeOf,
    type: integers,
  }),
  ...standingApart('Size', 'tells the size of a tensor, not its values', {
    inputs: 1,
    shape: shape.scalar,
    values: value.countOf,
    flow: flow.sizes,
    type: integers,
  }),
  ...standingApart('NonZero@9', 'makes as many places as there are values other than 0', {
    inputs: 1,
    shape: shape.nonZero,
    type: integers,
  }),
  ...standingApart('Unique@11', 'makes as many values as differ'),
  ...standingApart('OneHot@9', 'turns classes into features', {
    shape: shape.oneHot,
    type: shape.typeOfInput(2),
  }),
  ...standingApart('MaxUnpool@9 MaxRoiPool RoiAlign@10', 'reads places that another operation chooses'),
  ...standingApart('AffineGrid@20', 'makes coordinates of angles'),
  ...standingApart('NonMaxSuppression@10', 'chooses boxes'),
  ...standingApart('ConstantOfShape@9', 'reads a shape, not values', {
    shape: shape.asListed,
    values: value.fills,
    type: shape.typeOfValue,
  }),
  ...standingApart('EyeLike@9', 'reads a shape, not values', { shape: shape.same, type: shape.declaredType }),
];
