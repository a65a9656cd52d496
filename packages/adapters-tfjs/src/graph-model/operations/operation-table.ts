/** All operations of graph models that are known, one entry each. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, stops } from '@spherize/core';
import { sizeOf } from '../../artifacts/weights.js';
import { flag } from '../nodes/node-def.js';
import * as effect from './effect-rules.js';
import { BACK, FORWARD } from './filters.js';
import { ends } from './flow.js';
import { sumsProducts } from './flow-einsum.js';
import * as layout from './flow-layouts.js';
import * as products from './flow-products.js';
import * as flow from './flow-rules.js';
import { LAYOUTS } from './layout-operations.js';
import type { Operation } from './operation.js';
import * as sized from './product-shapes.js';
import * as shape from './shape-rules.js';
import { operations, standingApart } from './table-entries.js';
import * as value from './value-rules.js';

const inPlace = { flow: flow.elementwise, shape: shape.sameAsFirst } as const;
const together = { flow: flow.elementwise, shape: shape.broadcasts } as const;
const sums = { ...together, flow: flow.adds } as const;
const scaled = [{ slot: 'constant', scaling: 'multiply' }] as const;
const ordered = [{ slot: 'constant', scaling: 'none' }] as const;
const filters = [
  { slot: 1, scaling: 'multiply' },
  { slot: 2, scaling: 'multiply' },
] as const;
const product = {
  flow: products.multiplies,
  shape: sized.multiplied,
  effect: stops('cannot be rewritten'),
  vectors: 'all but weights',
  finite: 'weights',
} as const;
const convolution = {
  flow: products.convolves,
  shape: sized.convolved,
  effect: effect.convolves,
  finite: 'weights',
  products: (shape: readonly number[]) => sizeOf(shape.slice(0, -1)),
  unoffered: (shape: readonly number[]) =>
    `a ${shape.slice(0, -2).join('×')} convolution that TensorFlow does not have: only its channels can leave, with the width that they belong to`,
} as const;
const eachFilter = [{ slot: 1, scaling: 'multiply', back: 1 }] as const;
const depthwise = {
  flow: products.convolvesEach,
  shape: sized.convolvedEach,
  effect: effect.convolvesEach,
  finite: 'weights',
  products: (shape: readonly number[]) => sizeOf(shape.slice(0, 2)),
  unoffered: () =>
    'a depthwise convolution: each filter reads one channel, so that it has no columns to share',
} as const;
const called = (names: string): Operation[] =>
  names.split(' ').flatMap((name) =>
    operations(name, {
      effect: stops('calls a function of its own'),
      flow: ends('calls a function of its own'),
      products: 'uncounted',
      unoffered: () => `it is passed to the functions of ${name}, which are left alone`,
    }),
  );
const table = (names: string): Operation[] =>
  names.split(' ').flatMap((name) =>
    operations(name, {
      effect: stops('picks values in an order of its own'),
      flow: name === 'GatherNd' ? ends('picks values in an order of its own') : layout.gathers,
      shape: name === 'GatherNd' ? shape.lookedUp : shape.gathered,
      values: name === 'GatherNd' ? undefined : value.picks,
      unoffered: () =>
        `a table that ${name} looks up: its rows are picked, so that no columns are multiplied`,
    }),
  );

export const OPERATIONS: readonly Operation[] = [
  ...operations('Relu LeakyRelu Abs', { effect: HOMOGENEOUS, ...inPlace }),
  ...operations('Neg Snapshot', { effect: LINEAR, ...inPlace }),
  ...operations('Identity StopGradient ReadVariableOp', {
    effect: LINEAR,
    ...inPlace,
    values: value.handsOn,
    finite: 'weights',
  }),
  ...operations(
    'Relu6 Elu Selu Sigmoid Tanh Softplus Softsign Exp Expm1 Log Log1p Erf Sqrt Rsqrt Square Sin Cos Tan Asin Acos Atan ' +
      'Sinh Cosh Asinh Acosh Atanh Floor Ceil Round Sign ClipByValue Reciprocal IsNan IsInf IsFinite LogicalNot',
    { effect: ELEMENTWISE, ...inPlace },
  ),
  ...operations('Cast', { effect: effect.casts, ...inPlace }),
  ...operations('BiasAdd', {
    effect: effect.shifts,
    flow: flow.perChannel,
    shape: shape.sameAsFirst,
    parameters: scaled,
    vectors: 'all',
    finite: 'weights',
  }),
  ...operations('Add AddV2 Sub', {
    effect: effect.shifts,
    ...sums,
    parameters: scaled,
    vectors: 'all',
    finite: 'masks',
  }),
  ...operations('AddN', { effect: stops('combines several tensors'), ...sums, vectors: 'all' }),
  ...operations('Maximum Minimum', {
    effect: effect.bounds,
    ...together,
    parameters: scaled,
    vectors: 'all',
  }),
  ...operations('Mul', {
    effect: effect.multiplies,
    ...together,
    parameters: scaled,
    vectors: 'all',
    finite: 'masks',
  }),
  ...operations('RealDiv Div', {
    effect: effect.divides,
    ...together,
    parameters: [{ slot: 'constant', scaling: 'divide' }],
    vectors: 'all',
    finite: 'masks',
  }),
  ...operations('DivNoNan', {
    effect: effect.dividesUnlessZero,
    ...together,
    parameters: ordered,
    vectors: 'all',
  }),
  ...operations('Pow SquaredDifference FloorDiv FloorMod Mod Atan2', {
    effect: effect.combines,
    ...together,
    parameters: ordered,
    vectors: 'all',
  }),
  ...operations('Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr', {
    effect: effect.combines,
    ...together,
    parameters: ordered,
    vectors: 'all',
  }),
  ...operations('Select SelectV2', {
    effect: stops('chooses between tensors'),
    ...together,
    vectors: 'all',
  }),
  ...operations('Prelu', {
    effect: effect.slopesOfNode,
    ...inPlace,
    parameters: [{ slot: 1, scaling: 'none' }],
    vectors: 'all',
    finite: 'weights',
  }),
  ...operations('FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3', {
    effect: effect.normalises,
    flow: flow.normalises,
    shape: shape.sameAsFirst,
    parameters: [
      { slot: 1, scaling: 'multiply' },
      { slot: 2, scaling: 'multiply' },
      { slot: 3, scaling: 'none' },
      { slot: 4, scaling: 'none' },
    ],
    finite: 'weights',
  }),
  ...operations('Softmax LogSoftmax', {
    effect: stops('sums over a whole axis'),
    flow: flow.mixesLast('sums over their axis'),
    shape: shape.sameAsFirst,
  }),
  ...operations('LRN', {
    effect: stops('normalises over neighbouring features'),
    flow: flow.mixesLast('normalises over neighbouring features'),
    shape: shape.sameAsFirst,
  }),
  ...operations('EuclideanNorm', {
    effect: stops('adds up a whole axis'),
    flow: flow.reduces,
    shape: shape.reduced,
  }),
  ...operations('MatMul _FusedMatMul', {
    ...product,
    products: (shape, node) => (flag(node, 'transpose_b') ? shape[1]! : shape[0]!),
  }),
  ...operations('BatchMatMul BatchMatMulV2', {
    effect: stops('mixes or reorders features'),
    flow: products.multiplies,
    shape: sized.multiplied,
    products: 'uncounted',
    finite: 'weights',
    unoffered: () => 'its product is over batches of matrices',
  }),
  ...operations('Einsum', {
    effect: stops('mixes or reorders features'),
    flow: sumsProducts,
    shape: sized.summedProduct,
    products: 'uncounted',
    unoffered: () => 'Einsum may multiply in any order',
  }),
  ...standingApart('QuantizedMatMul', 'reads whole numbers', {
    finite: 'weights',
    unoffered: () => 'its weights are quantised',
  }),
  ...operations('Conv1D', { ...convolution, parameters: [{ slot: 1, scaling: 'multiply' }] }),
  ...operations('Conv2D Conv3D', {
    ...convolution,
    filters: FORWARD,
    parameters: [{ slot: 1, scaling: 'multiply' }],
  }),
  ...operations('_FusedConv2D', {
    ...convolution,
    filters: FORWARD,
    parameters: filters,
    vectors: 'all but weights',
  }),
  ...operations('DepthwiseConv2d DepthwiseConv2dNative', { ...depthwise, parameters: eachFilter }),
  ...operations('FusedDepthwiseConv2dNative', {
    ...depthwise,
    parameters: [...eachFilter, { slot: 2, scaling: 'multiply' }],
    vectors: 'all but weights',
  }),
  ...operations('Conv2DBackpropInput', {
    effect: effect.convolvesBack,
    flow: products.convolvesBack,
    filters: BACK,
    shape: shape.says(0),
    parameters: eachFilter,
    products: (shape) => sizeOf(shape.slice(0, -1)),
    finite: 'weights',
  }),
  ...operations('MaxPool AvgPool', {
    effect: effect.pools,
    flow: flow.mixesPositions('pools neighbouring places'),
    shape: sized.pooled,
  }),
  ...operations('Mean Max Min Sum', { effect: effect.reduces, flow: flow.reduces, shape: shape.reduced }),
  ...operations('Prod All Any', {
    effect: stops('mixes or reorders features'),
    flow: flow.reduces,
    shape: shape.reduced,
  }),
  ...operations('ArgMax ArgMin', {
    effect: stops('mixes or reorders features'),
    flow: flow.runsAlong('tells their places', true),
    shape: shape.reduced,
  }),
  ...operations('Cumsum Cumprod', {
    effect: stops('mixes or reorders features'),
    flow: flow.runsAlong('adds them up one after another'),
    shape: shape.sameAsFirst,
  }),
  ...operations('Squeeze', {
    effect: effect.squeezes,
    flow: layout.reshapes,
    shape: shape.squeezed,
    values: value.handsOn,
  }),
  ...operations('Reshape', {
    effect: effect.reshapes,
    flow: layout.reshapes,
    shape: shape.reshaped,
    values: value.handsOn,
  }),
  ...operations('Transpose', {
    effect: stops('may move the features'),
    flow: layout.transposes,
    shape: shape.transposed,
  }),
  ...operations('ExpandDims', {
    effect: effect.expands,
    flow: layout.reshapes,
    shape: shape.expanded,
    values: value.handsOn,
  }),
  ...operations('ConcatV2', {
    effect: stops('puts several tensors side by side'),
    flow: layout.concatenates,
    shape: shape.concatenated,
    values: value.joins,
    vectors: 'all',
  }),
  ...table('Gather GatherV2 GatherNd'),
  ...standingApart('ResourceGather', 'reads variables', {
    unoffered: () =>
      'a table that ResourceGather looks up: its rows are picked, so that no columns are multiplied',
  }),
  ...called('If StatelessIf While StatelessWhile PartitionedCall StatefulPartitionedCall'),
  ...LAYOUTS,
];

const BY_NAME: ReadonlyMap<string, Operation> = new Map(OPERATIONS.map((own) => [own.name, own]));

/** Undefined for what the table does not have. */
export function operationOf(op: string): Operation | undefined {
  return BY_NAME.get(op);
}
