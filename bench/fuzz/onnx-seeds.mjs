/** Healthy ONNX models that mutation starts from: small generated ones, and the embedded AlexNet cut down to a few neurons. */
import { readFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as onnx from 'onnx-buf';

const { AttributeProto_AttributeType: AttributeType, TensorProto_DataType: DataType } = onnx;

const shapeOf = (dims) => ({
  dim: dims.map((dim) =>
    create(onnx.TensorShapeProto_DimensionSchema, {
      value:
        typeof dim === 'string' ? { case: 'dimParam', value: dim } : { case: 'dimValue', value: BigInt(dim) },
    }),
  ),
});

export const valueInfo = (name, dims, elemType = DataType.FLOAT) =>
  create(onnx.ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: shapeOf(dims) } } },
  });

export const floatTensor = (name, dims, values) =>
  create(onnx.TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: DataType.FLOAT,
    rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });

export const int64Tensor = (name, values) =>
  create(onnx.TensorProtoSchema, {
    name,
    dims: [BigInt(values.length)],
    dataType: DataType.INT64,
    rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  });

export const makeAttribute = (name, value) =>
  create(
    onnx.AttributeProtoSchema,
    Array.isArray(value)
      ? { name, type: AttributeType.INTS, ints: value.map(BigInt) }
      : Number.isInteger(value)
        ? { name, type: AttributeType.INT, i: BigInt(value) }
        : { name, type: AttributeType.FLOAT, f: value },
  );

export const makeNode = (opType, input, output, attributes = {}) =>
  create(onnx.NodeProtoSchema, {
    opType,
    name: `${opType}_${output}`,
    input,
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => makeAttribute(name, value)),
  });

/** Collects a graph. */
class Builder {
  nodes = [];
  initializers = [];
  #choices;

  constructor(choices) {
    this.#choices = choices;
  }

  values(size, deviation = 0.5) {
    return Float32Array.from({ length: size }, () => (this.#choices.uniform() * 2 - 1) * deviation);
  }

  weight(name, dims) {
    this.initializers.push(
      floatTensor(name, dims, this.values(dims.reduce((product, dim) => product * dim, 1))),
    );
    return name;
  }

  integers(name, values) {
    this.initializers.push(int64Tensor(name, values));
    return name;
  }

  node(opType, input, output, attributes) {
    this.nodes.push(makeNode(opType, input, output, attributes));
    return output;
  }

  layer(name, input, outputs, inputs) {
    const form = this.#choices.below(3);
    if (form === 0) {
      const operands = [
        input,
        this.weight(`${name}.weight`, [outputs, inputs]),
        this.weight(`${name}.bias`, [outputs]),
      ];
      return this.node('Gemm', operands, `${name}.out`, { transB: 1 });
    }
    const product = this.node(
      'MatMul',
      [input, this.weight(`${name}.weight`, [inputs, outputs])],
      `${name}.product`,
    );
    if (form === 1) return product;
    return this.node('Add', [product, this.weight(`${name}.bias`, [outputs])], `${name}.out`);
  }

  model(inputs, outputs, opset = 13) {
    return create(onnx.ModelProtoSchema, {
      irVersion: 7n,
      producerName: 'fuzz',
      opsetImport: [create(onnx.OperatorSetIdProtoSchema, { domain: '', version: BigInt(opset) })],
      graph: create(onnx.GraphProtoSchema, {
        name: 'graph',
        node: this.nodes,
        initializer: this.initializers,
        input: inputs,
        output: outputs,
      }),
    });
  }
}

const ACTIVATIONS = ['Relu', 'Relu', 'LeakyRelu', 'Sigmoid', 'Identity', 'Tanh'];

/** Two to four fully connected layers. */
function perceptron(choices) {
  const builder = new Builder(choices);
  let width = 2 + choices.below(10);
  let tensor = 'x';
  const inputs = [valueInfo('x', ['n', width])];
  const layers = 2 + choices.below(3);
  for (let i = 0; i < layers; i++) {
    const next = 1 + choices.below(12);
    tensor = builder.layer(`fc${i}`, tensor, next, width);
    if (i < layers - 1) tensor = builder.node(choices.pick(ACTIVATIONS), [tensor], `act${i}`);
    width = next;
  }
  return builder.model(inputs, [valueInfo(tensor, ['n', width])]);
}

/** A convolution, pooling, and two layers. */
function convolutional(choices) {
  const builder = new Builder(choices);
  const filters = 1 + choices.below(4);
  builder.node(
    'Conv',
    ['x', builder.weight('conv.weight', [filters, 1, 3, 3]), builder.weight('conv.bias', [filters])],
    'maps',
    {
      pads: [1, 1, 1, 1],
    },
  );
  builder.node('Relu', ['maps'], 'active');
  builder.node('MaxPool', ['active'], 'pooled', { kernel_shape: [2, 2], strides: [2, 2] });
  const flat = choices.chance(0.5)
    ? builder.node('Flatten', ['pooled'], 'flat', { axis: 1 })
    : builder.node('Reshape', ['pooled', builder.integers('shape', [0, -1])], 'flat');
  const hidden = builder.layer('fc1', flat, 7, filters * 9);
  const scores = builder.layer('fc2', builder.node('Relu', [hidden], 'r'), 4, 7);
  return builder.model([valueInfo('x', ['n', 1, 6, 6])], [valueInfo(scores, ['n', 4])]);
}

/** Two branches that meet again, and a second reader. */
function branching(choices) {
  const builder = new Builder(choices);
  const width = 4 + choices.below(5);
  const first = builder.node('Relu', [builder.layer('stem', 'x', width, 6)], 'h');
  const left = builder.node('Relu', [builder.layer('left', first, width, width)], 'l');
  const sum = builder.node(choices.pick(['Add', 'Mul', 'Concat']), [left, first], 'joined', {});
  const node = builder.nodes.at(-1);
  const joined = node.opType === 'Concat' ? 2 * width : width;
  if (node.opType === 'Concat') node.attribute = [makeAttribute('axis', 1)];
  const scores = builder.layer('head', sum, 3, joined);
  return builder.model([valueInfo('x', ['n', 6])], [valueInfo(scores, ['n', 3])]);
}

const SEEDS = [perceptron, convolutional, branching];

/** A generated model, or a copy of the cropped AlexNet when there is one. */
export function seedModel(choices, cropped) {
  if (cropped !== undefined && choices.chance(0.3)) return fromBinary(onnx.ModelProtoSchema, cropped);
  return choices.pick(SEEDS)(choices);
}

/** Neurons and filters that are left of each layer of the embedded model. */
const CROPPED_WIDTH = 6;

/**
 * The embedded AlexNet with the first few filters and neurons of every layer: its nodes, attributes and names, in a few
 * kilobytes.
 */
export function cropModel(path) {
  const model = fromBinary(onnx.ModelProtoSchema, new Uint8Array(readFileSync(path)));
  const { graph } = model;
  const tensors = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const sizes = new Map(graph.initializer.map(({ name, dims }) => [name, dims.map(Number)]));
  let channels = 1;
  let spatial = 1;
  const layers = graph.node.filter(({ opType }) => opType === 'Conv' || opType === 'Gemm');
  for (const [i, node] of layers.entries()) {
    const [, weight, bias] = node.input;
    const [outputs, inputs] = sizes.get(weight);
    const last = i === layers.length - 1;
    const kept = last ? outputs : CROPPED_WIDTH;
    if (node.opType === 'Gemm' && layers[i - 1].opType === 'Conv') {
      spatial = inputs / sizes.get(layers[i - 1].input[1])[0];
      channels *= spatial;
    }
    crop(tensors.get(weight), [kept, channels]);
    crop(tensors.get(bias), [kept]);
    channels = kept;
  }
  return toBinary(onnx.ModelProtoSchema, model);
}

/** Cuts a float32 tensor to the first indices of its first axes. */
function crop(tensor, kept) {
  const dims = tensor.dims.map(Number);
  const values = new Float32Array(tensor.rawData.slice().buffer);
  const rows = kept[0];
  const rowSize = dims.slice(1).reduce((product, dim) => product * dim, 1);
  const inner = dims.slice(2).reduce((product, dim) => product * dim, 1);
  const keptRow = (kept[1] ?? 1) * inner;
  const result = new Float32Array(rows * (dims.length === 1 ? 1 : keptRow));
  for (let row = 0; row < rows; row++) {
    const width = dims.length === 1 ? 1 : keptRow;
    result.set(values.subarray(row * rowSize, row * rowSize + width), row * width);
  }
  tensor.dims = [rows, ...(dims.length === 1 ? [] : [kept[1]]), ...dims.slice(2)].map(BigInt);
  tensor.rawData = new Uint8Array(result.buffer);
}
