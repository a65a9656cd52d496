/** How features pass operations that compute place by place or mix some axes. */
import type { ConstantOperand, FeatureFlow } from '@spherize/core';
import { isObject } from '../../artifacts/json.js';
import { isFloat, sizeOf } from '../../artifacts/weights.js';
import { channelsLast, elementType, flag, type NodeDef, text } from '../nodes/node-def.js';
import { channelAxis, type FlowRule, type FlowWriter, one, readingFirst } from './flow.js';
import { fromEnd, range } from './known-tensor.js';

/** Constant operands, by slot; undefined where one holds whole numbers for each feature. */
export function constantsOf(
  { input }: NodeDef,
  { index }: FlowWriter,
  slots: readonly number[] = [...input.keys()],
): ConstantOperand[] | undefined {
  const operands: ConstantOperand[] = [];
  for (const slot of slots) {
    const weight = index.constant(input[slot])?.weight;
    if (weight === undefined) continue;
    const { shape } = weight.spec;
    if (!isFloat(weight) && sizeOf(shape) > 1) return undefined;
    operands.push({ slot, shape });
  }
  return operands;
}

const WHOLE_NUMBERS = 'has constants of whole numbers for each of them';

export const elementwise: FlowRule = one((node, writer) => {
  const constants = constantsOf(node, writer);
  return constants && { type: 'elementwise', constants };
}, WHOLE_NUMBERS);

export const adds: FlowRule = one((node, writer) => {
  const constants = constantsOf(node, writer);
  return constants && { type: 'elementwise', constants, adds: true };
}, WHOLE_NUMBERS);

/** Values in place, all computed alike; other inputs say how. */
export const alike: FlowRule = readingFirst(() => ({ type: 'elementwise', constants: [] }));

/** One value per channel. */
export const perChannel: FlowRule = one((node, writer) => {
  const rank = writer.shape(node.input[0])?.length;
  const constants = constantsOf(node, writer);
  if (constants === undefined) return undefined;
  if (text(node, 'data_format')?.startsWith('NC') !== true) return { type: 'elementwise', constants };
  if (rank === undefined) return undefined;
  return { type: 'elementwise', constants: constants.map((own) => ({ ...own, axis: 1 - rank })) };
});

export const normalises: FlowRule = (node, writer) => {
  const outputs = [node.name];
  const inputs = node.input.slice(0, 5).filter((name) => writer.varies(name));
  const rank = writer.shape(node.input[0])?.length ?? 4;
  const constants = constantsOf(node, writer, [1, 2, 3, 4]);
  const axis = channelAxis(text(node, 'data_format'), rank);
  const flow: FeatureFlow = flag(node, 'is_training')
    ? { type: 'other', reason: 'normalises by each batch' }
    : constants === undefined
      ? { type: 'other', reason: WHOLE_NUMBERS }
      : {
          type: 'elementwise',
          constants: axis === -1 ? constants : constants.map((own) => ({ ...own, axis })),
        };
  return writer.does(node, inputs, [{ flow }], outputs);
};

export const sizes: FlowRule = one((node, writer) => ({
  type: 'sizes',
  computed: becomesFloat(node.name, writer, new Set()),
}));

/** Whether a whole number is cast to floats somewhere: the root of the number of features, by which an attention divides. */
function becomesFloat(name: string, writer: FlowWriter, seen: Set<string>): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  return writer.index.consumers(name).some((node) => {
    const type = node.attr.DstT;
    const given = isObject(type) ? type.type : undefined;
    if (node.op === 'Cast' && elementType(given) === 'float32') return true;
    return COUNTING.has(node.op) && becomesFloat(node.name, writer, seen);
  });
}

/** Operations with which the converter computes lengths. */
const COUNTING = new Set(
  'Add AddV2 Cast ConcatV2 FloorDiv GatherV2 Identity Mul Pack Prod RealDiv Reshape Slice Squeeze StridedSlice Sub'.split(
    ' ',
  ),
);

function mixing(axes: readonly number[], reason: string, dropped = false): FeatureFlow {
  return { type: 'mixing', axes, dropped, reason };
}

/** The last axis. */
export function mixesLast(reason: string): FlowRule {
  return readingFirst(() => mixing([-1], reason));
}

export function mixesChannels(reason: string): FlowRule {
  return readingFirst((node, _, rank) => mixing([channelAxis(text(node, 'data_format'), rank)], reason));
}

/** Positions of images, which have four axes. */
export function mixesPositions(reason: string): FlowRule {
  return (node, writer) => {
    const axes = channelsLast(node) ? [-3, -2] : [-2, -1];
    return writer.does(node, [node.input[0]!], [{ flow: mixing(axes, reason) }]);
  };
}

export const reduces: FlowRule = readingFirst((node, writer, rank) => {
  const axes = writer.values(node.input[1]);
  return axes && mixing(fromEnd(axes, rank), 'reduces their axis', !flag(node, 'keep_dims'));
});

/** Along an axis that an operand says. */
export function runsAlong(reason: string, dropped = false): FlowRule {
  return readingFirst((node, writer, rank) => {
    const axes = writer.values(node.input[1]);
    return axes && mixing(fromEnd(axes, rank), reason, dropped);
  });
}

/** Batch and positions exchange. */
export const spreads: FlowRule = readingFirst((node, writer, rank) => {
  const blocks = writer.shape(node.input[1])?.[0];
  if (blocks === undefined || blocks + 1 > rank) return undefined;
  return mixing(
    range(0, blocks + 1).map((axis) => axis - rank),
    'moves values between samples and positions',
  );
});

/** Stretches axes of length one, or adds some in front. */
export const stretches: FlowRule = readingFirst((node, writer) =>
  writer.shape(node.name) === undefined ? undefined : { type: 'elementwise', constants: [], copies: true },
);
