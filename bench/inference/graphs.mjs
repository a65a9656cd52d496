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
 * The same graph with fully connected layers that simply have fewer columns: each layer of `columns` keeps its first k, and
 * a Slice takes the first k features of its input.
 *
 * @param columns k by layer name
 */
export function withColumns(model, columns) {
  const tensors = new Map(model.graph.initializer.map((each) => [each.name, each]));
  tensors.set('zero', integers('zero', [0]));
  tensors.set('one', integers('one', [1]));
  const nodes = model.graph.node.flatMap((each) => {
    const name = each.input[1]?.replace(/\.weight$/, '');
    const k = each.opType === 'Gemm' ? columns.get(name) : undefined;
    if (k === undefined) return [each];
    const weights = tensors.get(each.input[1]);
    const [m, n] = weights.dims.map(Number);
    tensors.set(weights.name, tensor(weights.name, [m, k], firstColumns(floats(weights), n, m, k)));
    const end = `${name}/k`;
    tensors.set(end, integers(end, [k]));
    const narrow = `${name}/narrow`;
    return [
      node('Slice', narrow, [each.input[0], 'zero', end, 'one'], [narrow]),
      copy(each, { input: [narrow, ...each.input.slice(1)] }),
    ];
  });
  const graph = copy(model.graph, { node: nodes, initializer: [...tensors.values()], valueInfo: [] });
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

function firstColumns(values, width, rows, cols) {
  const result = new Float32Array(rows * cols);
  for (let i = 0; i < rows; i++) result.set(values.subarray(i * width, i * width + cols), i * cols);
  return result;
}

function normals(size, deviation, random) {
  return Float32Array.from({ length: size }, () => deviation * random.normal());
}
