/** All operations of graph models that are known, one entry each. */
import { sizeOf } from '../../artifacts/weights.js';
import { flag } from '../nodes/node-def.js';
import * as effect from './effect-rules.js';
import type { Operation } from './operation.js';

type Facts = Partial<Omit<Operation, 'name'>> & Pick<Operation, 'effect'>;

function operations(names: string, facts: Facts): Operation[] {
  return names.split(' ').map((name) => ({ parameters: [], vectors: 'none', ...facts, name }));
}

/** Operations that cannot stand between two fully connected layers. */
function standingApart(names: string, apart: string, facts: Partial<Facts> = {}): Operation[] {
  return operations(names, { effect: effect.stops(apart), ...facts, apart });
}

const ONLY = 'only fully connected layers are compressed';
const scaled = [{ slot: 'constant', scaling: 'multiply' }] as const;
const ordered = [{ slot: 'constant', scaling: 'none' }] as const;
const filters = [
  { slot: 1, scaling: 'multiply' },
  { slot: 2, scaling: 'multiply' },
] as const;
const product = {
  effect: effect.stops('cannot be rewritten'),
  vectors: 'all but weights',
  finite: 'weights',
} as const;
const convolution = {
  effect: effect.convolves,
  finite: 'weights',
  products: (shape: readonly number[]) => sizeOf(shape.slice(0, -1)),
  unoffered: (shape: readonly number[]) => `a ${shape.slice(0, -2).join('×')} convolution: ${ONLY}`,
} as const;
const depthwise = {
  effect: effect.convolvesEach,
  finite: 'weights',
  products: (shape: readonly number[]) => sizeOf(shape.slice(0, 2)),
  unoffered: () => `a depthwise convolution: ${ONLY}`,
} as const;
const called = (names: string): Operation[] =>
  names.split(' ').flatMap((name) =>
    operations(name, {
      effect: effect.stops('calls a function of its own'),
      products: 'uncounted',
      unoffered: () => `it is passed to the functions of ${name}, which are left alone`,
    }),
  );
const table = (names: string): Operation[] =>
  names.split(' ').flatMap((name) =>
    operations(name, {
      effect: effect.stops('picks values in an order of its own'),
      unoffered: () => `a table that ${name} looks up: ${ONLY}`,
    }),
  );

export const OPERATIONS: readonly Operation[] = [
  ...operations('Relu LeakyRelu Abs Neg Snapshot', { effect: effect.homogeneous }),
  ...operations('Identity StopGradient ReadVariableOp', { effect: effect.homogeneous, finite: 'weights' }),
  ...operations(
    'Relu6 Elu Selu Sigmoid Tanh Softplus Softsign Exp Expm1 Log Log1p Erf Sqrt Rsqrt Square Sin Cos Tan Asin Acos Atan ' +
      'Sinh Cosh Asinh Acosh Atanh Floor Ceil Round Sign ClipByValue Reciprocal IsNan IsInf IsFinite LogicalNot',
    { effect: effect.elementwise },
  ),
  ...operations('Cast', { effect: effect.casts }),
  ...operations('BiasAdd', { effect: effect.shifts, parameters: scaled, vectors: 'all', finite: 'weights' }),
  ...operations('Add AddV2 Sub', {
    effect: effect.shifts,
    parameters: scaled,
    vectors: 'all',
    finite: 'masks',
  }),
  ...operations('AddN', { effect: effect.stops('combines several tensors'), vectors: 'all' }),
  ...operations('Maximum Minimum', { effect: effect.bounds, parameters: scaled, vectors: 'all' }),
  ...operations('Mul', { effect: effect.multiplies, parameters: scaled, vectors: 'all', finite: 'masks' }),
  ...operations('RealDiv Div', {
    effect: effect.divides,
    parameters: [{ slot: 'constant', scaling: 'divide' }],
    vectors: 'all',
    finite: 'masks',
  }),
  ...operations('Pow SquaredDifference FloorDiv FloorMod Mod DivNoNan Atan2', {
    effect: effect.combines,
    parameters: ordered,
    vectors: 'all',
  }),
  ...operations('Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr', {
    effect: effect.combines,
    parameters: ordered,
    vectors: 'all',
  }),
  ...operations('Select SelectV2', { effect: effect.stops('chooses between tensors'), vectors: 'all' }),
  ...operations('Prelu', {
    effect: effect.slopesOfNode,
    parameters: [{ slot: 1, scaling: 'none' }],
    vectors: 'all',
    finite: 'weights',
  }),
  ...operations('FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3', {
    effect: effect.normalises,
    parameters: [
      { slot: 1, scaling: 'multiply' },
      { slot: 2, scaling: 'multiply' },
      { slot: 3, scaling: 'none' },
      { slot: 4, scaling: 'none' },
    ],
    finite: 'weights',
  }),
  ...operations('Softmax LogSoftmax', { effect: effect.stops('sums over a whole axis') }),
  ...operations('LRN', { effect: effect.stops('normalises over neighbouring features') }),
  ...operations('EuclideanNorm', { effect: effect.stops('adds up a whole axis') }),
  ...operations('MatMul _FusedMatMul', {
    ...product,
    products: (shape, node) => (flag(node, 'transpose_b') ? shape[1]! : shape[0]!),
  }),
  ...operations('BatchMatMul BatchMatMulV2', {
    effect: effect.stops('mixes or reorders features'),
    products: 'uncounted',
    finite: 'weights',
    unoffered: () => 'its product is over batches of matrices',
  }),
  ...operations('Einsum', {
    effect: effect.stops('mixes or reorders features'),
    products: 'uncounted',
    unoffered: () => 'Einsum may multiply in any order',
  }),
  ...standingApart('QuantizedMatMul', 'reads whole numbers', {
    finite: 'weights',
    unoffered: () => 'its weights are quantised',
  }),
  ...operations('Conv1D Conv2D Conv3D', { ...convolution, parameters: [{ slot: 1, scaling: 'multiply' }] }),
  ...operations('_FusedConv2D', { ...convolution, parameters: filters, vectors: 'all but weights' }),
  ...operations('DepthwiseConv2d DepthwiseConv2dNative', depthwise),
  ...operations('FusedDepthwiseConv2dNative', { ...depthwise, vectors: 'all but weights' }),
  ...operations('Conv2DBackpropInput', {
    effect: effect.stops('mixes or reorders features'),
    products: 'uncounted',
    finite: 'weights',
    unoffered: () => `a transposed convolution: ${ONLY}`,
  }),
  ...operations('MaxPool AvgPool', { effect: effect.pools }),
  ...operations('Mean Max Min Sum', { effect: effect.reduces }),
  ...operations('Prod All Any ArgMax ArgMin Cumsum Cumprod', {
    effect: effect.stops('mixes or reorders features'),
  }),
  ...operations('Squeeze', { effect: effect.squeezes }),
  ...operations('Reshape', { effect: effect.reshapes }),
  ...operations('Transpose ExpandDims', { effect: effect.stops('may move the features') }),
  ...operations('ConcatV2', { effect: effect.stops('puts several tensors side by side'), vectors: 'all' }),
  ...table('Gather GatherV2 GatherNd'),
  ...standingApart('ResourceGather', 'reads variables', {
    unoffered: () => `a table that ResourceGather looks up: ${ONLY}`,
  }),
  ...called('If StatelessIf While StatelessWhile PartitionedCall StatefulPartitionedCall'),
];

const BY_NAME: ReadonlyMap<string, Operation> = new Map(OPERATIONS.map((own) => [own.name, own]));

/** Undefined for what the table does not have. */
export function operationOf(op: string): Operation | undefined {
  return BY_NAME.get(op);
}
