/** How features pass operations that cut, join and move axes. */
import type { FeatureFlow, SlicePart } from '@spherize/core';
import { integer, isControl, type NodeDef, text } from '../nodes/node-def.js';
import { channelAxis, type FlowRule, type FlowStep, type FlowWriter, one, readingFirst } from './flow.js';
import { fromEnd, range, type Shape } from './known-tensor.js';
import { splitLengths } from './shape-rules.js';
import { stridedCuts } from './strided-slice.js';

function mixing(axes: readonly number[], dropped: boolean, reason: string): FeatureFlow {
  return { type: 'mixing', axes, dropped, reason };
}

/** Only the first input holds values; the others say the shape. */
export const reshapes: FlowRule = readingFirst((node, writer) =>
  writer.shape(node.name) === undefined ? undefined : { type: 'reshape' },
);

export const transposes: FlowRule = readingFirst((node, writer, rank) => {
  const order = writer.values(node.input[1]) ?? range(0, rank).reverse();
  return { type: 'transpose', permutation: fromEnd(order, rank).map((axis) => axis + rank) };
});

export const concatenates: FlowRule = (node, writer) => {
  const data = node.input.filter((name) => !isControl(name));
  const rank = writer.shape(node.name)?.length;
  const [axis] = writer.values(data.at(-1)) ?? [];
  if (rank === undefined || axis === undefined) return 'puts together tensors of unknown shapes';
  return writer.does(node, data.slice(0, -1), [
    { flow: { type: 'concat', axis: fromEnd([axis], rank)[0]! } },
  ]);
};

/** Tensors along a new axis. */
export const stacks: FlowRule = (node, writer) => {
  const shape = writer.shape(node.name);
  if (shape === undefined) return 'stacks tensors of unknown shapes';
  const axis = integer(node, 'axis') ?? 0;
  const at = axis < 0 ? axis + shape.length : axis;
  const parts = node.input
    .filter((name) => !isControl(name))
    .map((name) =>
      writer.varies(name)
        ? writer.prepares(node, [name], [{ flow: { type: 'reshape' }, shape: shape.with(at, 1) }])
        : name,
    );
  return writer.does(node, parts, [{ flow: { type: 'concat', axis: at - shape.length } }]);
};

/** Each place of an axis becomes a tensor. */
export const takesApart: FlowRule = (node, writer) => {
  const shape = writer.shape(node.input[0]);
  if (shape === undefined) return 'takes apart a tensor of unknown shape';
  const [axis] = fromEnd([integer(node, 'axis') ?? 0], shape.length) as [number];
  const count = integer(node, 'num') ?? shape.at(axis) ?? 1;
  for (const output of range(0, count)) {
    const flow = mixing([axis], true, 'takes their axis apart');
    writer.does(node, [node.input[0]!], [{ flow }], [output === 0 ? node.name : `${node.name}:${output}`]);
  }
  return undefined;
};

function parts(lengths: readonly number[]): SlicePart[] {
  let start = 0;
  return lengths.map((length) => {
    const part = { start, length };
    start += length;
    return part;
  });
}

function splitsAlong(
  node: NodeDef,
  writer: FlowWriter,
  slots: { input: number; axis: number; lengths?: number },
): string | undefined {
  const shape = writer.shape(node.input[slots.input]);
  const [axis] = writer.values(node.input[slots.axis]) ?? [];
  if (shape === undefined || axis === undefined) return 'cuts a tensor of unknown shape';
  const [along] = fromEnd([axis], shape.length) as [number];
  const size = shape.at(along);
  const count = integer(node, 'num_split') ?? 1;
  const lengths =
    slots.lengths === undefined
      ? range(0, count).map(() => (size === undefined ? undefined : size / count))
      : splitLengths(writer.values(node.input[slots.lengths]) ?? [], size);
  if (lengths.length === 0 || lengths.includes(undefined))
    return 'cuts a tensor at places that only a run tells';
  const outputs = lengths.map((_, output) => (output === 0 ? node.name : `${node.name}:${output}`));
  const flow: FeatureFlow = { type: 'slice', axis: along, parts: parts(lengths as number[]) };
  return writer.does(node, [node.input[slots.input]!], [{ flow }], outputs);
}

export const splits: FlowRule = (node, writer) => splitsAlong(node, writer, { input: 1, axis: 0 });
export const splitsAt: FlowRule = (node, writer) =>
  splitsAlong(node, writer, { input: 0, axis: 2, lengths: 1 });

function sliced(
  axis: number,
  start: number,
  length: number,
): Extract<FeatureFlow, { readonly type: 'slice' }> {
  return { type: 'slice', axis, parts: [{ start, length }] };
}

/** Constant bounds; with others a cut along features could not be moved. */
function constants(node: NodeDef, { index }: FlowWriter): boolean {
  return node.input.slice(1).every((name) => isControl(name) || index.constant(name) !== undefined);
}

export const cuts: FlowRule = (node, writer) => {
  const shape = writer.shape(node.input[0]);
  const [begin, size] = [writer.values(node.input[1]), writer.values(node.input[2])];
  if (shape === undefined || begin === undefined || size === undefined)
    return 'cuts at places that only a run tells';
  const steps: FlowStep[] = [];
  let present: Shape = shape;
  for (const [axis, start] of begin.entries()) {
    const whole = shape[axis];
    const length = size[axis] === -1 && whole !== undefined ? whole - start : size[axis]!;
    if (start === 0 && (length === whole || length === -1)) continue;
    const at = axis - shape.length;
    present = present.with(axis, length === -1 ? undefined : length);
    const flow =
      constants(node, writer) && length !== -1
        ? sliced(at, start, length)
        : mixing([at], false, 'cuts at computed places');
    steps.push({ flow, shape: present });
  }
  return writer.does(node, [node.input[0]!], steps);
};

export const cutsInSteps: FlowRule = (node, writer) => {
  const shape = writer.shape(node.input[0]);
  const found = stridedCuts(node, writer);
  if (shape === undefined || found === undefined) return 'cuts at places that only a run tells';
  const steps: FlowStep[] = [];
  let present: Shape = shape;
  const fixed = constants(node, writer);
  for (const { axis, start, length, step, dropped } of found.cuts) {
    if (dropped) continue;
    present = present.with(axis, length);
    const at = axis - shape.length;
    const flow =
      step === 1 && fixed
        ? sliced(at, start, length)
        : mixing([at], false, step === 1 ? 'cuts at computed places' : 'takes them in steps');
    steps.push({ flow, shape: present });
  }
  // The last one first: the places of the others, counted from the front, stay.
  for (const { axis, start, dropped } of found.cuts.toReversed()) {
    if (!dropped) continue;
    const at = axis - present.length;
    const flow: FeatureFlow =
      fixed && shape[axis] !== undefined
        ? { ...sliced(at, start, 1), dropped }
        : mixing([at], true, 'takes one of them');
    present = present.toSpliced(axis, 1);
    steps.push({ flow, shape: present });
  }
  if (found.added.length > 0) steps.push({ flow: { type: 'reshape' }, shape: found.result });
  return writer.does(node, [node.input[0]!], steps);
};

/** Places of an axis, picked by a constant; other picks mix. */
export const gathers: FlowRule = one((node, writer) => {
  const [shape, picked] = [writer.shape(node.input[0]), writer.shape(node.input[1])];
  const [axis] = node.input[2] === undefined ? [0] : (writer.values(node.input[2]) ?? []);
  if (!writer.varies(node.input[0]!)) return { type: 'elementwise', constants: [] };
  if (shape === undefined || picked === undefined || axis === undefined || picked.length > 1)
    return undefined;
  const [along] = fromEnd([axis], shape.length) as [number];
  const places = writer.index.integers(node.input[1]);
  const size = shape.at(along);
  const within = size !== undefined && places?.every((place) => place >= 0 && place < size);
  if (picked.length === 1 && within) return { type: 'pick', axis: along, places: Int32Array.from(places!) };
  if (within) return { ...sliced(along, places![0]!, 1), dropped: true };
  return mixing([along], picked.length === 0, 'picks some of them');
}, 'picks values in an order of its own');

/** Axes that come several times, one run behind the other. */
export const tiles: FlowRule = (node, writer) => {
  const shape = writer.shape(node.input[0]);
  const times = writer.values(node.input[1]);
  if (shape === undefined || times?.length !== shape.length) return 'repeats a tensor of unknown shape';
  const steps: FlowStep[] = [];
  let present: Shape = shape;
  for (const [axis, count] of times.entries()) {
    if (count === 1) continue;
    const size = present[axis];
    present = present.with(axis, size === undefined ? undefined : size * count);
    steps.push({ flow: { type: 'repeat', axis: axis - shape.length, count, apart: true }, shape: present });
  }
  return writer.does(node, [node.input[0]!], steps);
};

/** Channels become squares of positions: each of the result is made of the nth of every run of channels. */
export const makesPositions: FlowRule = readingFirst((node, _, rank) => ({
  type: 'merge',
  axis: channelAxis(text(node, 'data_format'), rank),
  count: (integer(node, 'block_size') ?? 1) ** 2,
  apart: true,
}));

/** Squares of positions become channels: all channels come once for each place of a square. */
export const makesChannels: FlowRule = readingFirst((node, _, rank) => ({
  type: 'repeat',
  axis: channelAxis(text(node, 'data_format'), rank),
  count: (integer(node, 'block_size') ?? 1) ** 2,
  apart: true,
}));

/** Values beside what is there: one and the same, or, in another mode, some of its own. */
export const pads: FlowRule = readingFirst((node, writer, rank) => {
  const edges = writer.values(node.input[1]);
  if (edges === undefined) return undefined;
  const axes = range(0, rank).flatMap((axis) => {
    const [before, after] = [edges[2 * axis]!, edges[2 * axis + 1]!];
    return before === 0 && after === 0 ? [] : [{ axis: axis - rank, before, after }];
  });
  const constant = node.op !== 'MirrorPad' && writer.index.constant(node.input[1]) !== undefined;
  if (constant) return { type: 'pad', axes };
  return mixing(
    axes.map(({ axis }) => axis),
    false,
    'adds values beside them',
  );
});
