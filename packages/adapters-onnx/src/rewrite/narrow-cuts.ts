/** Puts new lengths into what says where axes are cut, padded or picked from. */
import { InputError, type ModelNarrowing, type PaddedAxis, type SlicePart } from '@spherize/core';
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from 'onnx-buf';
import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';
import { numbersOf, slicesOf } from '../graph/operators/operands.js';
import { copyMessage, intsAttribute, makeNode } from '../proto/onnx-protos.js';
import { int64Tensor } from '../proto/tensor-values.js';
import { computationOf } from './computed-shapes.js';
import type { GraphEditor } from './graph-editor.js';

/** Puts new places into the constant indices of a Gather. */
export function narrowPick(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  node: NodeProto,
  places: Int32Array,
): void {
  setIntegers(graph, editor, node, 1, [...places]);
}

/** Of a node, the axes that it cuts, with the new parts. */
interface AxisParts {
  readonly axis: number;
  readonly parts: readonly SlicePart[];
}

export function narrowSlices(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  slices: ModelNarrowing['slices'],
): void {
  const byNode = new Map<NodeProto, AxisParts[]>();
  for (const { name, flow } of graph.features.operations) {
    const parts = slices.get(name);
    if (parts === undefined || flow.type !== 'slice') continue;
    const node = graph.features.nodeOf(name);
    byNode.set(node, [...(byNode.get(node) ?? []), { axis: flow.axis, parts }]);
  }
  for (const [node, axes] of byNode) {
    if (node.opType === 'Split') setParts(graph, editor, node, axes[0]!.parts);
    else if (node.opType === 'Slice') setBounds(graph, editor, node, axes);
    else if (node.opType === 'Attention') setHeads(editor, node, axes[0]!.parts);
  }
}

function setParts(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  node: NodeProto,
  parts: AxisParts['parts'],
): void {
  const lengths = parts.map(({ length }) => length);
  if (intsAttribute(node, 'split') !== undefined) setInts(editor, node, 'split', lengths);
  else if (node.input[1]) setIntegers(graph, editor, node, 1, lengths);
  else if (lengths.some((length) => length !== lengths[0])) {
    const stem = `${node.name || node.output[0]}/split`;
    editor.setInput(node, 1, editor.addInitializer(int64Tensor(editor.fresh(stem), lengths)));
  }
}

/** How many features of onnxruntime's attention are queries, keys and values. */
function setHeads(editor: GraphEditor, node: NodeProto, parts: AxisParts['parts']): void {
  const lengths = parts.map(({ length }) => length);
  const name = 'qkv_hidden_sizes';
  if (intsAttribute(node, name) !== undefined) setInts(editor, node, name, lengths);
  else {
    const added = makeNode('', '', [], [], { [name]: lengths }).attribute;
    editor.change(node, { attribute: [...editor.node(node).attribute, ...added] });
  }
}

function setBounds(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  node: NodeProto,
  cuts: readonly AxisParts[],
): void {
  const context = { index: graph.index, shapes: graph.features.shapes };
  const rank = graph.features.shapes.rank(node.input[0]!)!;
  const axes = slicesOf(node, context, graph.features.shapes.sizes(node.input[0]!)!)!.map(({ axis }) => axis);
  for (const [name, slot, boundOf] of [
    ['starts', 1, ({ start }: SlicePart) => start],
    ['ends', 2, ({ start, length }: SlicePart) => start + length],
  ] as const) {
    const own = intsAttribute(node, name);
    const bounds = [...(own ?? numbersOf(node.input[slot], context) ?? [])];
    if (bounds.length < axes.length)
      throw new InputError(
        'UNSUPPORTED',
        `${node.opType} ${node.name}: its bounds are computed; simplify the model first`,
      );
    for (const { axis, parts } of cuts) bounds[axes.indexOf(rank + axis)] = boundOf(parts[0]!);
    if (own !== undefined) setInts(editor, node, name, bounds);
    else setIntegers(graph, editor, node, slot, bounds);
  }
}

export function narrowPad(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  node: NodeProto,
  axes: readonly PaddedAxis[],
): void {
  const { index, features } = graph;
  const context = { index, shapes: features.shapes };
  const attribute = intsAttribute(node, 'pads');
  const amounts = attribute ?? numbersOf(node.input[1], context)!;
  const rank = features.shape(node.input[0]!)!.length;
  const named = node.input[3] ? numbersOf(node.input[3], context) : undefined;
  const half = amounts.length / 2;
  const changed = [...amounts];
  for (const { axis, before, after } of axes) {
    const at = named?.findIndex((own) => (own < 0 ? own : own - rank) === axis) ?? rank + axis;
    [changed[at], changed[half + at]] = [before, after];
  }
  if (attribute === undefined) setIntegers(graph, editor, node, 1, changed);
  else setInts(editor, node, 'pads', changed);
}

function setInts(editor: GraphEditor, node: NodeProto, name: string, values: readonly number[]): void {
  editor.change(node, {
    attribute: editor
      .node(node)
      .attribute.map((own) => (own.name === name ? copyMessage(own, { ints: values.map(BigInt) }) : own)),
  });
}

function setIntegers(
  graph: OnnxModelFacts,
  editor: GraphEditor,
  node: NodeProto,
  slot: number,
  values: readonly number[],
): void {
  const name = node.input[slot]!;
  const source = graph.index.constantSource(name);
  const wide = graph.features.shapes.elementType(name) === DataType.INT64;
  const make = (fresh: string): TensorProto =>
    wide
      ? int64Tensor(fresh, values)
      : copyMessage(int64Tensor(fresh, values), {
          dataType: DataType.INT32,
          rawData: new Uint8Array(Int32Array.from(values).buffer),
        });
  const stem = `${node.name || node.output[0]}/${slot}`;
  if (source === undefined) editor.setComputed(node, slot, computationOf(graph, name), stem, make);
  else editor.setConstant(node, slot, source, stem, make);
}
