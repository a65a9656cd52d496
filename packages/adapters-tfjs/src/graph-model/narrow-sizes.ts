/** Puts new lengths into what a graph says about its shapes: targets of Reshape, bounds of cuts, recorded shapes. */
import { InputError, type ModelNarrowing, type SlicePart } from '@spherize/core';
import { storedIntegers } from '../artifacts/storage.js';
import type { GraphModelFeatureGraph } from './feature-graph.js';
import type { GraphEditor } from './graph-editor.js';
import { isControl, type NodeDef } from './nodes/node-def.js';
import { splitLengths } from './operations/shape-rules.js';
import { stridedCuts } from './operations/strided-slice.js';

/** Where nodes are told lengths of their result, by operation: which input. */
const TARGETS: Readonly<Record<string, number>> = {
  Reshape: 1,
  BroadcastTo: 1,
  Conv2DBackpropInput: 0,
  Slice: 2,
};

type Lengths = ReadonlyMap<number, number>;

export function narrowSizes(
  features: GraphModelFeatureGraph,
  editor: GraphEditor,
  narrowing: ModelNarrowing,
): void {
  const parts = new Map<NodeDef, { axis: number; parts: readonly SlicePart[] }[]>();
  for (const [operation, own] of narrowing.slices) {
    const node = features.nodeOf(operation);
    const { flow } = features.operations.find(({ name }) => name === operation)!;
    if (flow.type !== 'slice') continue;
    parts.set(node, [...(parts.get(node) ?? []), { axis: flow.axis, parts: own }]);
  }
  for (const [node, cuts] of parts) moveCuts(features, editor, node, cuts);
  for (const [operation, places] of narrowing.picks)
    setIntegers(features, editor, features.nodeOf(operation), 1, [...places]);
  for (const [operation, axes] of narrowing.pads) {
    const node = features.nodeOf(operation);
    const rank = features.shape(node.input[0])!.length;
    let widths = features.index.integers(node.input[1])!;
    for (const { axis, before, after } of axes) {
      const at = 2 * (rank + axis);
      widths = widths.with(at, before).with(at + 1, after);
    }
    setIntegers(features, editor, node, 1, widths);
  }
  for (const node of features.index.nodes) {
    const shorter = narrowing.sizes.get(node.name);
    if (shorter === undefined) continue;
    const { _output_shapes: recorded, ...attr } = node.attr;
    if (recorded !== undefined) editor.change(node, { attr });
    const slot = TARGETS[node.op];
    if (slot !== undefined) setTarget(features, editor, node, slot, shorter);
  }
}

function setIntegers(
  { index }: GraphModelFeatureGraph,
  editor: GraphEditor,
  node: NodeDef,
  slot: number,
  values: readonly number[],
): void {
  const source = index.constant(node.input[slot])!;
  const { shape } = source.weight.spec;
  editor.setConstant(node, slot, source, `${node.name}/lengths${slot}`, (name) =>
    storedIntegers(
      source.weight,
      name,
      shape.length === 1 ? [values.length] : shape,
      Int32Array.from(values),
    ),
  );
}

/** What is computed from other shapes follows by itself; constants in it are changed. */
function setTarget(
  features: GraphModelFeatureGraph,
  editor: GraphEditor,
  node: NodeDef,
  slot: number,
  shorter: Lengths,
): void {
  const { index } = features;
  const tensor = node.input[slot]!;
  const rank = features.shape(node.name)!.length;
  const changed = (values: readonly number[], first: number): number[] =>
    values.map((value, i) => (value < 0 ? value : (shorter.get(first + i - rank) ?? value)));
  const whole = index.integers(tensor);
  if (whole !== undefined) {
    const values = changed(whole, 0);
    if (String(values) !== String(whole)) setIntegers(features, editor, node, slot, values);
    return;
  }
  const maker = index.producer(tensor);
  if (maker?.op !== 'Pack' && maker?.op !== 'ConcatV2') return;
  const data = maker.input.filter((name) => !isControl(name));
  let first = 0;
  for (const [i, part] of (maker.op === 'Pack' ? data : data.slice(0, -1)).entries()) {
    const known = index.integers(part);
    const values = known && changed(known, first);
    if (values !== undefined && String(values) !== String(known)) {
      if (index.uses(tensor) > 1)
        throw new InputError('UNSUPPORTED', `${node.name}: other operations read the shape that it is told`);
      setIntegers(features, editor, maker, i, values);
    }
    first += maker.op === 'Pack' ? 1 : (features.shape(part)?.[0] ?? 1);
  }
}

function moveCuts(
  features: GraphModelFeatureGraph,
  editor: GraphEditor,
  node: NodeDef,
  cuts: readonly { axis: number; parts: readonly SlicePart[] }[],
): void {
  const { index } = features;
  const rank = features.shape(node.input[node.op === 'Split' ? 1 : 0])!.length;
  const [{ parts }] = cuts as [(typeof cuts)[number]];
  const lengths = parts.map(({ length }) => length);
  if (node.op === 'Split') {
    if (lengths.some((length) => length !== lengths[0])) splitUnevenly(editor, node, lengths);
  } else if (node.op === 'SplitV') {
    const old = splitLengths(index.integers(node.input[1])!, undefined);
    const values = lengths.map((length, i) => (old[i] === undefined ? -1 : length));
    setIntegers(features, editor, node, 1, values);
  } else if (node.op === 'Slice') {
    let begin = [...index.integers(node.input[1])!];
    for (const { axis, parts: own } of cuts) begin = begin.with(rank + axis, own[0]!.start);
    setIntegers(features, editor, node, 1, begin);
  } else {
    let [begin, end] = [[...index.integers(node.input[1])!], [...index.integers(node.input[2])!]];
    const places = stridedCuts(node, features)!.cuts;
    for (const { axis, parts: own } of cuts) {
      const { place } = places.find((cut) => cut.axis === rank + axis)!;
      const { start, length } = own[0]!;
      begin = begin.with(place, start);
      end = end.with(place, start + length);
    }
    setIntegers(features, editor, node, 1, begin);
    setIntegers(features, editor, node, 2, end);
  }
}

/** A Split makes equal parts; a SplitV is told the length of each. */
function splitUnevenly(editor: GraphEditor, node: NodeDef, lengths: readonly number[]): void {
  const [axis, input] = node.input as [string, string];
  const told = editor.addIntegers(`${node.name}/lengths`, lengths);
  editor.change(node, {
    op: 'SplitV',
    input: [input, told, axis, ...node.input.slice(2)],
    attr: { ...editor.node(node).attr, Tlen: { type: 'DT_INT32' } },
  });
}
