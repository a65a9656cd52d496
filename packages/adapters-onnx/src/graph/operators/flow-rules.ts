/** How features move through operators, as `FeatureFlow` says it. */
import type { ConstantOperand, FeatureFlow } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { attribute, intAttribute, intsAttribute, type Shape } from '../../proto/onnx-protos.js';
import { dimsOf, integerValues, isFloatType, isIntegerType, sizeOf } from '../../proto/tensor-values.js';
import { axesOf, numbersOf, partSizes, slicesOf } from './operands.js';
import type { ShapeContext } from './operator.js';

/** Undefined where the node has a form of which nothing is known. */
export type FlowRule = (
  node: NodeProto,
  context: ShapeContext,
) => FeatureFlow | readonly FlowStep[] | undefined;

/** One of several things that a node does, with tensors between them that it does not give out. */
export interface FlowStep {
  readonly flow: FeatureFlow | WeightsFlow;
  /** Left out: what the step before makes, and of the first one everything that varies. */
  readonly inputs?: readonly string[];
  /** Left out: of the last step the node's outputs, of others one tensor of no name. */
  readonly outputs?: readonly string[];
  /** Of the outputs, where they lie between steps and are reshaped. */
  readonly shapes?: readonly Shape[];
}

/** Whether the first axis of weights is that of the outputs. The axes behind the two are positions. */
export type WeightLayout = 'outputs first' | 'inputs first';

/** A product with, or a convolution of, the weights in input 1. */
export interface WeightsFlow {
  readonly type: 'weights';
  readonly kind: 'product' | 'convolution';
  /** The input with a value per output. */
  readonly bias: number | undefined;
  readonly layout: WeightLayout;
  readonly groups: number;
  /** The axis of the features, counted from the end. */
  readonly axis: number;
}

/** Constant operands by slot, with their shapes. */
function constantsOf(node: NodeProto, { index }: ShapeContext): ConstantOperand[] {
  return node.input.flatMap((name, slot) => {
    const source = name === '' ? undefined : index.constantSource(name);
    if (source === undefined) return [];
    const shape = dimsOf(source.tensor);
    return [{ slot, shape: source.transposed ? shape.toReversed() : shape }];
  });
}

/** The places of axes, counted from the end. */
function fromEnd(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis : axis - rank));
}

function rankOf(node: NodeProto, { shapes }: ShapeContext): number | undefined {
  return shapes.rank(node.input[0] ?? '');
}

export const elementwise: FlowRule = (node, context) => ({
  type: 'elementwise',
  constants: constantsOf(node, context),
});

export const adds: FlowRule = (node, context) => ({
  type: 'elementwise',
  constants: constantsOf(node, context),
  adds: true,
});

/** Only the first input holds features; the others say how it is done. */
export const steered: FlowRule = (node) => [
  { flow: { type: 'elementwise', constants: [] }, inputs: [node.input[0]!] },
];

export const sizes: FlowRule = (node, { index }) => ({
  type: 'sizes',
  computed: becomesFloat(node.output[0]!, index, new Set()),
});

/** Whether a whole number is cast to floats somewhere: the root of the number of features, by which an attention divides. */
function becomesFloat(tensor: string, index: ShapeContext['index'], seen: Set<string>): boolean {
  if (seen.has(tensor)) return false;
  seen.add(tensor);
  return index.consumers(tensor).some((node) => {
    if (node.opType === 'Cast' && isFloatType(intAttribute(node, 'to', 0))) return true;
    const counts = COUNTING.has(node.opType);
    return counts && node.output.some((output) => becomesFloat(output, index, seen));
  });
}

/** Operators with which exporters compute sizes. */
const COUNTING = new Set(
  'Add Cast Concat Div Floor Gather Identity Mul Neg ReduceProd Reshape Slice Split Squeeze Sub Unsqueeze'.split(
    ' ',
  ),
);

export const reshapes: FlowRule = () => ({ type: 'reshape' });

/** One value per channel on axis 1. */
export const perChannel: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  if (rank === undefined || rank < 2) return undefined;
  const constants = constantsOf(node, context);
  return { type: 'elementwise', constants: constants.map((constant) => ({ ...constant, axis: 1 - rank })) };
};

export const transposes: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  const reversed = Array.from({ length: rank ?? 0 }, (_, axis) => (rank ?? 0) - 1 - axis);
  const permutation = intsAttribute(node, 'perm') ?? (rank === undefined ? undefined : reversed);
  return permutation && { type: 'transpose', permutation };
};

/** Positions behind the channels. */
export function mixesPositions(reason: string): FlowRule {
  return (node, context) => {
    const rank = rankOf(node, context);
    if (rank === undefined) return undefined;
    return {
      type: 'mixing',
      axes: Array.from({ length: Math.max(0, rank - 2) }, (_, axis) => axis + 2 - rank),
      dropped: false,
      reason,
    };
  };
}

export const resizes: FlowRule = (node, context) => {
  const [before, after] = [context.shapes.shape(node.input[0]!), context.shapes.shape(node.output[0]!)];
  const channels = before?.[1] !== undefined && before[1] === after?.[1];
  return channels ? mixesPositions('mixes values of neighbouring places')(node, context) : undefined;
};

export const reduces: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  if (rank === undefined) return undefined;
  const dropped = intAttribute(node, 'keepdims', 1) === 0;
  const named = axesOf(node, context);
  if (named === undefined && node.input[1]) return undefined;
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const none = named === undefined || named.length === 0;
  if (none && intAttribute(node, 'noop_with_empty_axes', 0) === 1)
    return { type: 'elementwise', constants: [] };
  return { type: 'mixing', axes: fromEnd(none ? all : named, rank), dropped, reason: 'reduces their axis' };
};

/** One axis, or, before operator set 13, all from it on. */
export function mixesAxis(reason: string): FlowRule {
  return (node, context) => {
    const rank = rankOf(node, context);
    const old = context.index.opset < 13;
    const axis = intAttribute(node, 'axis', old ? 1 : -1);
    if (rank === undefined) return undefined;
    const [first] = fromEnd([axis], rank) as [number];
    const axes = old ? Array.from({ length: -first }, (_, i) => first + i) : [first];
    return { type: 'mixing', axes, dropped: false, reason };
  };
}

/** All axes from one on, whose mean and variance make the values alike. */
export const normalises: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  const axis = intAttribute(node, 'axis', -1);
  if (rank === undefined && axis !== -1) return undefined;
  const [first] = fromEnd([axis], rank ?? 1) as [number];
  return {
    type: 'mixing',
    axes: Array.from({ length: -first }, (_, i) => first + i),
    dropped: false,
    reason: 'normalises over them',
  };
};

/** A product of two tensors that vary; those with weights are layers. */
export const contracts: FlowRule = (node, { index, shapes }) => {
  const inputs = node.input.slice(0, 2);
  const fixed = inputs.some((name) => index.constantSource(name) ?? index.constantMaker(name));
  if (fixed) return { type: 'other', reason: 'multiplies by weights that are no layer' };
  const ranks = inputs.map((name) => shapes.rank(name));
  return ranks.every((rank) => rank !== undefined && rank >= 2)
    ? [{ flow: { type: 'contraction' }, inputs }]
    : undefined;
};

export const concatenates: FlowRule = (node, context) => {
  const rank = context.shapes.rank(node.output[0]!);
  if (rank === undefined || node.input.some((name) => context.index.constantSource(name) !== undefined))
    return undefined;
  return { type: 'concat', axis: fromEnd([intAttribute(node, 'axis', 0)], rank)[0]! };
};

export const splits: FlowRule = (node, context) => {
  const shape = context.shapes.sizes(node.input[0]!);
  const lengths = shape && partSizes(node, context, shape);
  if (shape === undefined || lengths === undefined) return undefined;
  const [axis] = fromEnd([intAttribute(node, 'axis', 0)], shape.length) as [number];
  let start = 0;
  const parts = [];
  for (const length of lengths) {
    if (typeof length !== 'number') return undefined;
    parts.push({ start, length });
    start += length;
  }
  return { type: 'slice', axis, parts };
};

/** Axis by axis. */
export const slices: FlowRule = (node, context) => {
  const shape = context.shapes.sizes(node.input[0]!);
  const cuts = shape && slicesOf(node, context, shape);
  if (shape === undefined || cuts === undefined) return undefined;
  const steps = cuts.flatMap(({ axis: at, start, step, length }): FlowStep[] => {
    const axis = at - shape.length;
    if (start === 0 && step === 1 && length === shape[at]) return [];
    if (step !== 1 || typeof start !== 'number' || typeof length !== 'number')
      return [{ flow: { type: 'mixing', axes: [axis], dropped: false, reason: 'takes some of them' } }];
    return [{ flow: { type: 'slice', axis, parts: [{ start, length }] } }];
  });
  return steps.length > 0 ? steps : { type: 'elementwise', constants: [] };
};

/** Axes with something added at an edge. */
export const pads: FlowRule = (node, context) => {
  const rank = context.shapes.rank(node.input[0]!);
  const amounts = intsAttribute(node, 'pads') ?? numbersOf(node.input[1], context);
  const named = node.input[3] ? numbersOf(node.input[3], context) : undefined;
  if (rank === undefined || amounts === undefined || (node.input[3] && named === undefined)) return undefined;
  const axes = fromEnd(named ?? Array.from({ length: rank }, (_, axis) => axis), rank);
  const half = amounts.length / 2;
  const padded = axes.flatMap((axis, i) => {
    const [before, after] = [amounts[i]!, amounts[half + i]!];
    return before === 0 && after === 0 ? [] : [{ axis, before, after }];
  });
  const mode = new TextDecoder().decode(attribute(node, 'mode')?.s);
  const constant = mode === '' || mode === 'constant';
  if (constant && amounts.every((amount) => amount >= 0)) return { type: 'pad', axes: padded };
  return {
    type: 'mixing',
    axes: padded.map(({ axis }) => axis),
    dropped: false,
    reason: 'adds values beside them',
  };
};

/** Stretches axes of length one, or adds some in front. */
export const expands: FlowRule = (node, { shapes }) => {
  const [before, after] = [shapes.shape(node.input[0]!), shapes.shape(node.output[0]!)];
  return before && after
    ? [{ flow: { type: 'elementwise', constants: [], copies: true }, inputs: [node.input[0]!] }]
    : undefined;
};

/** Runs along an axis, value after value. */
export function runsAlong(reason: string): FlowRule {
  return (node, context) => {
    const axis = numbersOf(node.input[1], context);
    const rank = rankOf(node, context);
    if (rank === undefined || axis?.length !== 1) return undefined;
    return { type: 'mixing', axes: fromEnd(axis, rank), dropped: false, reason };
  };
}

/** Places of an axis, picked by a constant: one of them leaves no axis. */
export const gathers: FlowRule = (node, context) => {
  const { index, shapes } = context;
  const shape = shapes.shape(node.input[0]!);
  if (shape === undefined || index.constantSource(node.input[0]!) !== undefined) return undefined;
  const [axis] = fromEnd([intAttribute(node, 'axis', 0)], shape.length) as [number];
  const picked = shapes.rank(node.input[1]!);
  if (picked === undefined || picked > 1) return undefined;
  const indices = index.constantSource(node.input[1]!)?.tensor;
  const places = indices && isIntegerType(indices.dataType) ? integerValues(indices) : undefined;
  const size = shape.at(axis);
  if (places !== undefined && size !== undefined) {
    const own = Int32Array.from(places, (place) => (place < 0 ? place + size : place));
    if (picked === 1) return { type: 'pick', axis, places: own };
    return { type: 'slice', axis, parts: [{ start: own[0]!, length: 1 }], dropped: true };
  }
  return { type: 'mixing', axes: [axis], dropped: picked === 0, reason: 'picks some of them' };
};

/** By what was learnt of each channel or, in training, by what it is in this batch. */
export const normalisesBatches: FlowRule = (node, context) => {
  const each = perChannel(node, context);
  if (intAttribute(node, 'training_mode', 0) === 0 || each === undefined || !('type' in each)) return each;
  const rank = rankOf(node, context)!;
  const axes = Array.from({ length: rank }, (_, axis) => axis - rank).filter((axis) => axis !== 1 - rank);
  return [
    { flow: { type: 'mixing', axes, dropped: false, reason: 'normalises over them' } },
    { flow: each, outputs: [node.output[0]!] },
  ];
};

/** Over the positions of each channel. */
export const normalisesPositions: FlowRule = (node, context) => {
  const [mixes, each] = [mixesPositions('normalises over them')(node, context), perChannel(node, context)];
  return mixes && each && 'type' in mixes && 'type' in each ? [{ flow: mixes }, { flow: each }] : undefined;
};

/** Axes that come several times, one run behind the other. */
export const tiles: FlowRule = (node, context) => {
  const repeats = numbersOf(node.input[1], context);
  const rank = rankOf(node, context);
  if (rank === undefined || repeats?.length !== rank) return undefined;
  const steps = repeats.flatMap((count, at): FlowStep[] =>
    count === 1 ? [] : [{ flow: { type: 'repeat', axis: at - rank, count, apart: true } }],
  );
  return steps.length > 0 ? steps : { type: 'elementwise', constants: [] };
};

/** Squares of positions become channels, or the other way round. */
export const movesBlocks: FlowRule = (node) => {
  const count = intAttribute(node, 'blocksize', 1) ** 2;
  const mode = new TextDecoder().decode(attribute(node, 'mode')?.s);
  return node.opType === 'SpaceToDepth'
    ? { type: 'repeat', axis: -3, count, apart: true }
    : { type: 'merge', axis: -3, count, apart: mode !== 'CRD' };
};

/** Features end here, for this reason. */
export function ends(reason: string): FlowRule {
  return () => ({ type: 'other', reason });
}

/** Values of one sample, over all channels and positions or some of both. */
export const normalisesAxes: FlowRule = (node, context) => {
  const rank = rankOf(node, context);
  if (rank === undefined) return undefined;
  const axes =
    node.opType === 'LpNormalization'
      ? [intAttribute(node, 'axis', -1)]
      : (intsAttribute(node, 'axes') ?? [0, 2, 3]);
  return { type: 'mixing', axes: fromEnd(axes, rank), dropped: false, reason: 'normalises over them' };
};

/** With a single value of γ for all, which Identity-like operators have. */
export const quantises: FlowRule = (node, { index }) => {
  const single = node.input.slice(1).every((name) => {
    const tensor = name === '' ? undefined : index.constant(name);
    return name === '' || (tensor !== undefined && sizeOf(tensor) === 1);
  });
  return single && attribute(node, 'block_size') === undefined
    ? { type: 'elementwise', constants: [] }
    : undefined;
};
