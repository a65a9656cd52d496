/** Takes features out of an ONNX model as core says: the same nodes, with less in them. */
import { type DenseMatrix, denseMatrix, InputError, type ModelNarrowing } from '@spherize/core';
import { TensorProto_DataType as DataType, type ModelProto, type NodeProto } from 'onnx-buf';
import type { WeightedNode } from '../graph/feature-graph.js';
import type { OnnxGraph } from '../graph/onnx-graph.js';
import { cutsOf } from '../graph/operators/flow-rules.js';
import { numbersOf } from '../graph/operators/operands.js';
import { copyMessage, intsAttribute } from '../proto/onnx-protos.js';
import {
  dimsOf,
  fitsType,
  floatTensor,
  floatValues,
  int64Tensor,
  isFloatType,
} from '../proto/tensor-values.js';
import { ModelEditor } from './model-editor.js';
import { rewriteLayer } from './rewrite-layer.js';

/** Where operators are told the shape of their result, by type: which input. */
const TARGETS: Readonly<Record<string, number>> = { Reshape: 1, Expand: 1, Resize: 3 };

/** @returns the model, and the layers whose new parameters do not fit into the types that they are stored in */
export function narrowModel(
  graph: OnnxGraph,
  narrowing: ModelNarrowing,
): { model: ModelProto; overflowing: ReadonlySet<string> } {
  const { index, shapes, features } = graph;
  const editor = new ModelEditor(index);
  const overflowing = new Set<string>();
  for (const [name, { weights, bias }] of narrowing.layers) {
    const target = features.weighted(name);
    const fits =
      target.product === undefined
        ? setConvolution(editor, target, weights, bias)
        : rewriteLayer(editor, index, shapes, target.product, { layer: name, weights, bias, input: null });
    if (!fits) overflowing.add(name);
  }
  for (const constant of narrowing.constants) narrowConstant(graph, editor, constant);
  for (const [name, parts] of narrowing.slices) narrowSlice(graph, editor, graph.operation(name), parts);
  for (const node of index.graph.node) {
    const shorter = narrowing.sizes.get(node.output[0] ?? '');
    if (shorter === undefined) continue;
    editor.dropShapes(node.output);
    const slot = TARGETS[node.opType];
    if (slot !== undefined && node.input[slot]) narrowTarget(graph, editor, node, slot, shorter);
  }
  return { model: editor.finish(), overflowing };
}

/** Filters `[outputs, inputs / groups, …]`, or `[inputs, outputs, …]` of a transposed convolution. */
function setConvolution(
  editor: ModelEditor,
  { layer, node, weights, bias }: WeightedNode,
  matrix: DenseMatrix,
  newBias: Float32Array | null,
): boolean {
  const { span } = layer;
  const [outputs, inputs] = [matrix.rows / span, matrix.cols];
  const back = node.opType === 'ConvTranspose';
  const filters = denseMatrix(outputs, inputs * span);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inputs; c++) {
      for (let s = 0; s < span; s++) {
        const at = back ? (c * outputs + o) * span + s : (o * inputs + c) * span + s;
        filters.data[at] = matrix.data[(o * span + s) * inputs + c]!;
      }
    }
  }
  const { dataType } = weights.tensor;
  const shape = [...(back ? [inputs, outputs] : [outputs, inputs]), ...dimsOf(weights.tensor).slice(2)];
  editor.setConstant(node, 1, weights, `${layer.name}.weight`, (name) =>
    floatTensor(name, shape, dataType, filters.data),
  );
  if (bias !== undefined && newBias !== null) {
    editor.setConstant(node, bias.slot, bias.source, `${layer.name}.bias`, (name) =>
      floatTensor(name, [newBias.length], bias.source.tensor.dataType, newBias),
    );
  }
  if (layer.groups === layer.inputs && layer.groups > 1) {
    const groups = BigInt(outputs / (layer.outputs / layer.inputs));
    editor.change(node, {
      attribute: node.attribute.map((own) => (own.name === 'group' ? copyMessage(own, { i: groups }) : own)),
    });
  }
  return fitsType(dataType, filters.data) && (newBias === null || fitsType(dataType, newBias));
}

function narrowConstant(
  graph: OnnxGraph,
  editor: ModelEditor,
  { operation, slot, axes, sizes, places }: ModelNarrowing['constants'][number],
): void {
  const node = graph.operation(operation);
  const source = graph.index.constantSource(node.input[slot]!)!;
  const { tensor } = source;
  if (!isFloatType(tensor.dataType) || source.transposed)
    throw new InputError(
      'UNSUPPORTED',
      `${operation}: its constant ${source.names.at(-1)} is no plain tensor of floats`,
    );
  const before = dimsOf(tensor);
  const along = axes.map((axis) => before.length + axis);
  const after = before.map((size, place) => (along.includes(place) ? sizes[along.indexOf(place)]! : size));
  const values = floatValues(tensor);
  const strides = before.map((_, place) => before.slice(place + 1).reduce((a, b) => a * b, 1));
  const result = new Float32Array(after.reduce((a, b) => a * b, 1));
  for (let i = 0; i < result.length; i++) {
    let rest = i;
    let flat = 0;
    let from = 0;
    const at = after.map((_, place) => {
      const stride = after.slice(place + 1).reduce((a, b) => a * b, 1);
      const position = Math.floor(rest / stride);
      rest -= position * stride;
      return position;
    });
    for (const [k, place] of along.entries()) flat = flat * sizes[k]! + at[place]!;
    let old = places[flat]!;
    for (const place of along.toReversed()) {
      at[place] = old % before[place]!;
      old = Math.floor(old / before[place]!);
    }
    for (const [place, position] of at.entries()) from += position * strides[place]!;
    result[i] = values[from]!;
  }
  editor.setConstant(node, slot, source, `${operation}/constant${slot}`, (name) =>
    floatTensor(name, after, tensor.dataType, result),
  );
}

/** Puts new lengths into a shape that says the old ones; what is computed from other shapes follows by itself. */
function narrowTarget(
  graph: OnnxGraph,
  editor: ModelEditor,
  node: NodeProto,
  slot: number,
  shorter: ReadonlyMap<number, number>,
): void {
  const { index, features } = graph;
  const context = { index, shapes: features.shapes };
  const before = features.shape(node.output[0]!)!;
  const source = index.constantSource(node.input[slot]!);
  const target = source && numbersOf(node.input[slot], context);
  if (source !== undefined && target !== undefined) {
    const input = node.opType === 'Reshape' ? features.shape(node.input[0]!) : undefined;
    const changed = target.map((dim, place) => {
      const size = shorter.get(place - target.length);
      const copied = dim === 0 && input !== undefined;
      return size === undefined || dim === -1 || copied ? dim : size;
    });
    if (String(changed) === String(target)) return;
    const stem = `${node.name || node.output[0]}/shape`;
    editor.setConstant(node, slot, source, stem, (name) => int64Tensor(name, changed));
    return;
  }
  const parts = index.producer(node.input[slot]!);
  if (parts?.opType !== 'Concat') return;
  let place = 0;
  for (const [i, part] of parts.input.entries()) {
    const known = index.constantSource(part) && numbersOf(part, context);
    const length = features.shape(part)?.[0] ?? 1;
    const changed = known?.map((dim, k) => {
      const size = shorter.get(place + k - before.length);
      return size === undefined || dim === -1 || dim === 0 ? dim : size;
    });
    if (changed !== undefined && String(changed) !== String(known)) {
      if (index.uses(parts.output[0]!) > 1) {
        throw new InputError(
          'UNSUPPORTED',
          `${node.opType} ${node.name}: its shape serves other operations too; simplify the model first`,
        );
      }
      editor.setConstant(
        parts,
        i,
        index.constantSource(part)!,
        `${node.name || node.output[0]}/shape`,
        (name) => int64Tensor(name, changed),
      );
    }
    place += length;
  }
}

function narrowSlice(
  graph: OnnxGraph,
  editor: ModelEditor,
  node: NodeProto,
  parts: ModelNarrowing['slices'] extends ReadonlyMap<string, infer P> ? P : never,
): void {
  const { index, features } = graph;
  if (node.opType === 'Split') {
    const lengths = parts.map(({ length }) => length);
    if (intsAttribute(node, 'split') !== undefined) setInts(editor, node, 'split', lengths);
    else if (node.input[1]) setIntegers(graph, editor, node, 1, lengths);
    else if (lengths.some((length) => length !== lengths[0])) {
      const name = editor.addInitializer(
        int64Tensor(editor.fresh(`${node.name || node.output[0]}/split`), lengths),
      );
      editor.setInput(node, 1, name);
    }
    return;
  }
  const context = { index, shapes: features.shapes };
  const [cut] = cutsOf(node, context) ?? [];
  const shape = features.shape(node.input[0]!)!;
  const starts = intsAttribute(node, 'starts') ?? numbersOf(node.input[1], context)!;
  const given =
    intsAttribute(node, 'axes') ?? (node.input[3] ? numbersOf(node.input[3], context) : undefined);
  const axes = given ?? starts.map((_, i) => i);
  const at = axes.findIndex((axis) => (axis < 0 ? axis : axis - shape.length) === cut!.axis);
  const [{ start, length }] = parts as [{ start: number; length: number }];
  for (const [attributeName, slot, value] of [
    ['starts', 1, start],
    ['ends', 2, start + length],
  ] as const) {
    const own = intsAttribute(node, attributeName);
    if (own !== undefined) setInts(editor, node, attributeName, own.with(at, value));
    else setIntegers(graph, editor, node, slot, numbersOf(node.input[slot], context)!.with(at, value));
  }
}

function setInts(editor: ModelEditor, node: NodeProto, name: string, values: readonly number[]): void {
  editor.change(node, {
    attribute: editor
      .node(node)
      .attribute.map((own) => (own.name === name ? copyMessage(own, { ints: values.map(BigInt) }) : own)),
  });
}

function setIntegers(
  { index }: OnnxGraph,
  editor: ModelEditor,
  node: NodeProto,
  slot: number,
  values: readonly number[],
): void {
  const source = index.constantSource(node.input[slot]!)!;
  const wide = source.tensor.dataType === DataType.INT64;
  editor.setConstant(node, slot, source, `${node.name || node.output[0]}/${slot}`, (name) =>
    wide
      ? int64Tensor(name, values)
      : copyMessage(int64Tensor(name, values), {
          dataType: DataType.INT32,
          rawData: new Uint8Array(Int32Array.from(values).buffer),
        }),
  );
}
