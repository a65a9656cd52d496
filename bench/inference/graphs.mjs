// Cuts and thins models of Gemm(transB=1) layers, for comparison: no clustering and no rewriting takes part here.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as onnx from 'onnx-buf';

const { AttributeProto_AttributeType: AttributeType, TensorProto_DataType: DataType } = onnx;

export const decode = (bytes) => fromBinary(onnx.ModelProtoSchema, new Uint8Array(bytes));
export const encode = (model) => toBinary(onnx.ModelProtoSchema, model);

/** A model `x [batch, n] → Gemm → Relu → Gemm → y [batch, m]` of square layers, He-initialised by `random`. */
export function twoLayers(size, random) {
  const deviation = Math.sqrt(2 / size);
  const layer = (name, input, output) => ({
    node: node('Gemm', name, [input, `${name}.weight`, `${name}.bias`], [output], { transB: 1 }),
    initializer: [
      tensor(`${name}.weight`, [size, size], normals(size * size, deviation, random)),
      tensor(`${name}.bias`, [size], normals(size, 0.01, random)),
    ],
  });
  const first = layer('previous', 'x', 'previous_output');
  const second = layer('layer', 'hidden', 'y');
  return modelOf({
    node: [first.node, node('Relu', 'relu', ['previous_output'], ['hidden']), second.node],
    initializer: [...first.initializer, ...second.initializer],
    input: [valueInfo('x', size)],
    output: [valueInfo('y', size)],
  });
}

/**
 * The same graph with fully connected layers that simply have fewer columns: each layer of `columns` keeps its first k,
 * and the layer before it its first k rows. Where no layer precedes, a Slice takes the first k features.
 *
 * @param columns k by layer name, in the order of the graph; the layers follow each other
 */
export function withColumns(model, columns) {
  const graph = copy(model.graph);
  const names = [...columns.keys()];
  const tensors = new Map(graph.initializer.map((each) => [each.name, each]));
  const layers = new Map(
    graph.node
      .filter(({ opType }) => opType === 'Gemm')
      .map((each) => [each.input[1].replace(/\.weight$/, ''), each]),
  );
  const order = [...layers.keys()];
  for (const [name, gemm] of layers) {
    const [weights, bias] = [tensors.get(gemm.input[1]), tensors.get(gemm.input[2])];
    const [m, n] = weights.dims.map(Number);
    const rows = columns.get(order[order.indexOf(name) + 1]) ?? m;
    const cols = columns.get(name) ?? n;
    tensors.set(weights.name, tensor(weights.name, [rows, cols], corner(floats(weights), n, rows, cols)));
    tensors.set(bias.name, tensor(bias.name, [rows], floats(bias).slice(0, rows)));
  }
  if (names[0] === order[0]) {
    const first = layers.get(names[0]);
    const k = columns.get(names[0]);
    tensors.set('bounds/0', integers('bounds/0', [0]));
    tensors.set('bounds/k', integers('bounds/k', [k]));
    tensors.set('bounds/axis', integers('bounds/axis', [1]));
    const slice = node(
      'Slice',
      'narrow',
      [first.input[0], 'bounds/0', 'bounds/k', 'bounds/axis'],
      ['narrow'],
    );
    const narrowed = copy(first, { input: ['narrow', ...first.input.slice(1)] });
    graph.node = graph.node.flatMap((each) => (each === first ? [slice, narrowed] : [each]));
  }
  graph.initializer = [...tensors.values()];
  graph.valueInfo = [];
  return copy(model, { graph });
}

/** What follows a tensor, as a model of its own that takes that tensor as input `[batch, width]`. */
export function partAfter(model, name, width) {
  const { graph } = model;
  const reached = new Set([name]);
  const kept = graph.node.filter((each) => {
    const follows = each.input.some((input) => reached.has(input));
    if (follows) for (const output of each.output) reached.add(output);
    return follows;
  });
  const read = new Set(kept.flatMap(({ input }) => input));
  return copy(model, {
    graph: copy(graph, {
      node: kept,
      initializer: graph.initializer.filter((each) => read.has(each.name)),
      input: [valueInfo(name, width)],
      valueInfo: [],
    }),
  });
}

/** Bytes of all tensors but those of some layers, by the names of the layers. */
export function bytesOutside(model, layers) {
  const own = new Set(layers.flatMap((name) => [`${name}.weight`, `${name}.bias`]));
  return model.graph.initializer
    .filter(({ name }) => !own.has(name))
    .reduce((sum, { rawData }) => sum + rawData.length, 0);
}

function copy(message, changes = {}) {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes);
}

function node(opType, name, input, output, attributes = {}) {
  const attribute = Object.entries(attributes).map(([key, value]) =>
    create(onnx.AttributeProtoSchema, { name: key, type: AttributeType.INT, i: BigInt(value) }),
  );
  return create(onnx.NodeProtoSchema, { opType, name, input, output, attribute });
}

function tensor(name, dims, values) {
  const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return create(onnx.TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: DataType.FLOAT, rawData });
}

function integers(name, values) {
  const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return create(onnx.TensorProtoSchema, {
    name,
    dims: [BigInt(values.length)],
    dataType: DataType.INT64,
    rawData,
  });
}

function valueInfo(name, width) {
  const dim = [
    { value: { case: 'dimParam', value: 'batch' } },
    { value: { case: 'dimValue', value: BigInt(width) } },
  ];
  const value = { elemType: DataType.FLOAT, shape: { dim } };
  return create(onnx.ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

function modelOf(graph) {
  return create(onnx.ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(onnx.GraphProtoSchema, { name: 'layers', ...graph }),
  });
}

function floats({ rawData }) {
  return new Float32Array(rawData.slice().buffer);
}

function corner(values, width, rows, cols) {
  const result = new Float32Array(rows * cols);
  for (let i = 0; i < rows; i++) result.set(values.subarray(i * width, i * width + cols), i * cols);
  return result;
}

function normals(size, deviation, random) {
  return Float32Array.from({ length: size }, () => deviation * random.normal());
}
