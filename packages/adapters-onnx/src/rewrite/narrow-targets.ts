/** Puts new lengths into the shapes that Reshape, Expand and Resize are told; what is computed from other shapes follows by itself. */
import type { ModelNarrowing } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';
import { numbersOf } from '../graph/operators/operands.js';
import { operatorOf } from '../graph/operators/operator-table.js';
import { intAttribute } from '../proto/onnx-protos.js';
import { int64Tensor } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import { computationOf } from './computed-shapes.js';
import type { GraphEditor } from './graph-editor.js';

/** A change of one operand on the way to a shape. */
interface Edit {
  readonly node: NodeProto;
  readonly slot: number;
  readonly values: readonly number[];
}

/** Old and new lengths by place in a list of sizes. */
type Wanted = ReadonlyMap<number, { readonly from: number; readonly to: number }>;

/** @param settled nodes whose shape becomes a constant of their own where that says the same */
export function narrowTargets(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  sizes: ModelNarrowing['sizes'],
  settled: ReadonlySet<NodeProto>,
): void {
  const { index, features } = graph;
  const plans = new Map<NodeProto, readonly Edit[]>();
  const slots = new Map<NodeProto, number>();
  for (const node of index.graph.node) {
    for (const output of node.output) if (sizes.has(output)) editor.dropShapes([output]);
    const shorter = sizes.get(node.output[0] ?? '');
    const slot = operatorOf(node)?.target;
    if (shorter === undefined || slot === undefined || !node.input[slot]) continue;
    const before = features.shape(node.output[0]!)!;
    const length = features.shapes.shape(node.input[slot])?.[0] ?? before.length;
    const wanted = new Map(
      [...shorter].map(([axis, to]) => [length + axis, { from: before.at(axis)!, to }] as const),
    );
    slots.set(node, slot);
    plans.set(node, editsOf(graph, node, slot, wanted));
  }
  const key = ({ node, slot, values }: Edit): string => `${node.output[0]} ${slot} ${values}`;
  const own = new Set(settled);
  for (const [node, edits] of plans) {
    for (const edit of edits) {
      if (edit.node === node || own.has(node)) continue;
      // What other nodes read as well must become the same for all of them.
      const readers = readersOf(index, edit.node);
      const agree = readers.every((reader) => plans.get(reader)?.some((other) => key(other) === key(edit)));
      if (!agree) own.add(node);
    }
  }
  const done = new Set<string>();
  for (const [node, edits] of plans) {
    const slot = slots.get(node)!;
    const values = own.has(node) ? ownTarget(graph, node, sizes.get(node.output[0]!)!) : undefined;
    for (const edit of values === undefined ? edits : [{ node, slot, values }]) {
      if (done.has(key(edit))) continue;
      done.add(key(edit));
      apply(graph, editor, edit);
    }
  }
}

function apply(graph: OnnxModelFacts, editor: GraphEditor, { node, slot, values }: Edit): void {
  const name = node.input[slot]!;
  const source = graph.index.constantSource(name);
  const stem = `${node.name || node.output[0]}/shape`;
  const make = (fresh: string) => int64Tensor(fresh, values);
  if (source === undefined) editor.setComputed(node, slot, computationOf(graph, name), stem, make);
  else editor.setConstant(node, slot, source, stem, make);
}

/** Nodes that are told a shape which another one takes part in computing, and those that read it otherwise. */
function readersOf(index: GraphIndex, node: NodeProto): NodeProto[] {
  return index.consumers(node.output[0]!).flatMap((reader) => {
    if (HARMLESS.has(reader.opType)) return [];
    const told = operatorOf(reader)?.target;
    const is = told !== undefined && reader.input[told] === node.output[0];
    return is || !PASSING.has(reader.opType) ? [reader] : readersOf(index, reader);
  });
}

/** Operators that look at lists of sizes for nothing but how many they are, and which of them are -1. */
const HARMLESS = new Set(['Equal', 'Shape']);

/** Operators that hand lists of sizes on. */
const PASSING = new Set(['Cast', 'Concat', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Where']);

function editsOf(graph: OnnxModelFacts, node: NodeProto, slot: number, wanted: Wanted): Edit[] {
  const { index, features } = graph;
  const name = node.input[slot]!;
  const producer = index.producer(name);
  // For inputs of any size.
  const known = numbersOf(name, { index, shapes: graph.shapes });
  if (known !== undefined) {
    const values = known.map((size, place) => {
      const change = wanted.get(place);
      return change !== undefined && change.from === size ? change.to : size;
    });
    return String(values) === String(known) ? [] : [{ node, slot, values }];
  }
  if (producer === undefined || !PASSING.has(producer.opType)) return [];
  if (producer.opType === 'Where')
    return [1, 2].flatMap((branch) => editsOf(graph, producer, branch, wanted));
  if (producer.opType !== 'Concat') return editsOf(graph, producer, 0, wanted);
  const edits: Edit[] = [];
  let start = 0;
  for (const [i, part] of producer.input.entries()) {
    const length = features.shapes.shape(part)?.[0] ?? 1;
    const inside = new Map(
      [...wanted].flatMap(([place, change]) =>
        place >= start && place < start + length ? [[place - start, change] as const] : [],
      ),
    );
    if (inside.size > 0) edits.push(...editsOf(graph, producer, i, inside));
    start += length;
  }
  return edits;
}

/** A constant that tells the same shape for inputs of any size; undefined where none does. */
function ownTarget(
  { shapes }: OnnxModelFacts,
  node: NodeProto,
  shorter: ReadonlyMap<number, number>,
): number[] | undefined {
  const [input, output] = [shapes.sizes(node.input[0]!), shapes.sizes(node.output[0]!)];
  if (input === undefined || output === undefined) return undefined;
  const copies = node.opType === 'Reshape' && intAttribute(node, 'allowzero', 0) === 0;
  const target = output.map((size, place) => {
    const length = shorter.get(place - output.length);
    if (length !== undefined) return length;
    if (typeof size === 'number') return size;
    if (copies && input[place] === size) return 0;
    return node.opType === 'Expand' && input.at(place - output.length) === size ? 1 : -1;
  });
  const open = target.filter((size) => size === -1).length;
  return open === 0 || (open === 1 && node.opType === 'Reshape') ? target : undefined;
}
