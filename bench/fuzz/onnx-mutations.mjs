/**
 * Changes to an ONNX model that a stranger's file might have: each takes the decoded model and the seeded choices, and
 * changes it in place; those of `BYTE_MUTATIONS` change the encoded bytes.
 */
import { create } from '@bufbuild/protobuf';
import * as onnx from 'onnx-buf';
import { int64Tensor, makeAttribute, makeNode, valueInfo } from './onnx-seeds.mjs';

const { TensorProto_DataLocation: Location, TensorProto_DataType: DataType } = onnx;

/** Names that reach prototypes, paths, terminals and pages where nobody takes care. */
const NAMES = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../../../etc/passwd',
  '/etc/passwd',
  'a'.repeat(5000),
  '<script>alert(1)</script>',
  '\u001b[31mred\u001b[0m',
  'line\nbreak',
  'nul\0byte',
  '\u202egnp.exe',
  'fc0,fc1=0.5',
  'ünïcode·名',
];
const SIZES = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  2n ** 16n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  -(2n ** 63n),
];
const NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e38,
  -1e38,
  1e-45,
  3.4e38,
];
const OPERATORS = [
  ...[
    'Relu',
    'LeakyRelu',
    'PRelu',
    'Sigmoid',
    'Tanh',
    'Gelu',
    'Identity',
    'Dropout',
    'Flatten',
    'Reshape',
    'Transpose',
  ],
  ...[
    'MaxPool',
    'AveragePool',
    'GlobalAveragePool',
    'Gemm',
    'MatMul',
    'Add',
    'Mul',
    'Conv',
    'Concat',
    'Split',
    'Clip',
  ],
  ...[
    'Softmax',
    'LRN',
    'BatchNormalization',
    'Squeeze',
    'Unsqueeze',
    'Pad',
    'ReduceSum',
    'If',
    'Loop',
    'Scan',
    'Constant',
  ],
  ...['DequantizeLinear', 'MatMulInteger', 'Cast', 'Shape', 'Gather', 'Slice', 'Nothing', ''],
];
const LOCATIONS = [
  '../outside.bin',
  '/etc/hostname',
  'C:\\Windows\\win.ini',
  'a/../../outside.bin',
  '..\\outside.bin',
  'https://localhost:1/weights.bin',
  'file:///etc/hostname',
  'link.bin',
  'nothing.bin',
  'data.bin',
  '.',
  '',
  'nul\0byte',
  '/proc/self/environ',
  '/dev/zero',
];

const tensorsOf = ({ graph }) => graph.initializer;
const floats = (model) =>
  tensorsOf(model).filter(({ dataType, rawData }) => dataType === DataType.FLOAT && rawData.length >= 4);
const tensorNames = ({ graph }) => [
  ...graph.node.flatMap(({ input, output }) => [...input, ...output]),
  ...graph.initializer.map(({ name }) => name),
  ...graph.input.map(({ name }) => name),
];

/** Values of a tensor as a copy that may be written to. */
function editable(tensor) {
  const values = new Float32Array(
    tensor.rawData.slice().buffer.slice(0, tensor.rawData.length - (tensor.rawData.length % 4)),
  );
  tensor.rawData = new Uint8Array(values.buffer);
  return values;
}

function renameEverywhere({ graph }, from, to) {
  const named = (name) => (name === from ? to : name);
  for (const node of graph.node) {
    node.input = node.input.map(named);
    node.output = node.output.map(named);
  }
  for (const item of [...graph.initializer, ...graph.input, ...graph.output]) item.name = named(item.name);
}

/** @type {Readonly<Record<string, (model: any, choices: any) => void>>} */
export const MUTATIONS = {
  'weight not finite'(model, choices) {
    const tensor = choices.pick(floats(model));
    if (!tensor) return;
    const values = editable(tensor);
    values[choices.below(values.length)] = choices.pick(NUMBERS);
  },
  'weights scaled'(model, choices) {
    const tensor = choices.pick(floats(model));
    if (!tensor) return;
    const values = editable(tensor);
    const factor = choices.pick([0, -1, 1e-30, 1e30, 1e-45]);
    for (let i = 0; i < values.length; i++) values[i] *= factor;
  },
  'column or row zeroed'(model, choices) {
    const tensor = choices.pick(floats(model).filter(({ dims }) => dims.length === 2));
    if (!tensor) return;
    const values = editable(tensor);
    const [rows, columns] = tensor.dims.map(Number);
    const at = choices.below(columns);
    for (let row = 0; row < rows; row++) values[row * columns + at] = 0;
  },
  'equal columns'(model, choices) {
    const tensor = choices.pick(floats(model).filter(({ dims }) => dims.length === 2));
    if (tensor) editable(tensor).fill(choices.uniform());
  },
  'tensor dims'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (!tensor) return;
    const what = tensor.dims.length === 0 ? 0 : choices.below(5);
    if (what === 0) tensor.dims = [...tensor.dims, choices.pick(SIZES)];
    else if (what === 1) tensor.dims = tensor.dims.slice(0, -1);
    else if (what === 2) tensor.dims = [...tensor.dims].reverse();
    else tensor.dims = tensor.dims.with(choices.below(tensor.dims.length), choices.pick(SIZES));
  },
  'tensor type'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (tensor) tensor.dataType = choices.below(26);
  },
  'tensor bytes cut or added'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (!tensor) return;
    const wanted = choices.chance(0.5)
      ? choices.below(tensor.rawData.length)
      : tensor.rawData.length + choices.below(9);
    const bytes = new Uint8Array(wanted);
    bytes.set(tensor.rawData.subarray(0, wanted));
    tensor.rawData = bytes;
  },
  'tensor in typed fields'(model, choices) {
    const tensor = choices.pick(floats(model));
    if (!tensor) return;
    tensor.floatData = [...editable(tensor)].slice(0, choices.chance(0.3) ? 1 : undefined);
    if (choices.chance(0.8)) tensor.rawData = new Uint8Array();
  },
  'tensor name'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (!tensor) return;
    const name = choices.pick(NAMES);
    if (choices.chance(0.7)) renameEverywhere(model, tensor.name, name);
    else tensor.name = name;
  },
  'activation name'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (node?.output[0])
      renameEverywhere(model, node.output[0], choices.pick([...NAMES, ...tensorNames(model)]));
  },
  'node name'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (node) node.name = choices.pick([...NAMES, ...model.graph.node.map(({ name }) => name)]);
  },
  'duplicate tensor'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (tensor) model.graph.initializer.push({ ...tensor, rawData: tensor.rawData.slice() });
  },
  'tensor removed'(model, choices) {
    model.graph.initializer.splice(choices.below(model.graph.initializer.length), 1);
  },
  'external data'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (!tensor) return;
    tensor.dataLocation = Location.EXTERNAL;
    if (choices.chance(0.7)) tensor.rawData = new Uint8Array();
    const entries = [['location', choices.pick(LOCATIONS)]];
    if (choices.chance(0.5))
      entries.push([
        'offset',
        choices.pick(['0', '-1', '4', 'x', '1e3', '9007199254740993', '18446744073709551616']),
      ]);
    if (choices.chance(0.5))
      entries.push([
        'length',
        choices.pick(['0', '4', '-4', '1e18', 'NaN', '2147483648', '9223372036854775807']),
      ]);
    tensor.externalData = entries.map(([key, value]) =>
      create(onnx.StringStringEntryProtoSchema, { key, value }),
    );
  },
  'input rewired'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node || node.input.length === 0) return;
    node.input = node.input.with(
      choices.below(node.input.length),
      choices.pick([...tensorNames(model), 'nowhere', '']),
    );
  },
  'input missing or added'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    node.input = choices.chance(0.6)
      ? node.input.slice(0, -1)
      : [...node.input, choices.pick(tensorNames(model))];
  },
  'output changed'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    node.output = choices.pick([
      [],
      ['x'],
      ['', ''],
      [...node.output, 'extra'],
      [choices.pick(tensorNames(model))],
    ]);
  },
  'node removed'(model, choices) {
    model.graph.node.splice(choices.below(model.graph.node.length), 1);
  },
  'node repeated'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    const copy = { ...node };
    if (choices.chance(0.5)) copy.output = copy.output.map((name) => `${name}.again`);
    model.graph.node.splice(choices.below(model.graph.node.length + 1), 0, copy);
  },
  'nodes reordered'(model, choices) {
    const { node } = model.graph;
    node.push(...node.splice(choices.below(node.length), 1));
  },
  'operator changed'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    node.opType = choices.pick(OPERATORS);
    if (choices.chance(0.2))
      node.domain = choices.pick(['com.microsoft', 'ai.onnx', 'ai.onnx.ml', 'custom', '__proto__']);
  },
  'node inserted'(model, choices) {
    const { node } = model.graph;
    const before = choices.pick(node);
    if (!before?.input[0]) return;
    const inserted = makeNode(choices.pick(OPERATORS), [before.input[0]], `inserted.${node.length}`);
    node.splice(node.indexOf(before), 0, inserted);
    before.input = before.input.with(0, inserted.output[0]);
  },
  'attribute changed'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    const name = choices.pick([
      ...[
        'transA',
        'transB',
        'alpha',
        'beta',
        'axis',
        'axes',
        'perm',
        'keepdims',
        'group',
        'strides',
        'pads',
        'slope',
      ],
      ...[
        'kernel_shape',
        'dilations',
        'ceil_mode',
        'count_include_pad',
        'auto_pad',
        'storage_order',
        'allowzero',
        'ratio',
      ],
    ]);
    const value = choices.pick([
      0,
      1,
      -1,
      2,
      100,
      2 ** 40,
      0.5,
      -0.5,
      1e-3,
      [],
      [0],
      [1, 0],
      [0, 1],
      [-1],
      [1, 1, 1, 1],
      [2, 2],
      [0, 0],
      [1, 0, 0],
    ]);
    node.attribute = [...node.attribute.filter((own) => own.name !== name), makeAttribute(name, value)];
  },
  'attribute removed'(model, choices) {
    const node = choices.pick(model.graph.node.filter(({ attribute }) => attribute.length > 0));
    if (node) node.attribute.splice(choices.below(node.attribute.length), 1);
  },
  'attribute not a number'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    const attribute = makeAttribute(choices.pick(['alpha', 'beta']), 0.5);
    attribute.f = choices.pick(NUMBERS);
    node.attribute = [...node.attribute.filter((own) => own.name !== attribute.name), attribute];
  },
  'weights shared'(model, choices) {
    const layers = model.graph.node.filter(({ opType }) => opType === 'Gemm' || opType === 'MatMul');
    const [from, to] = [choices.pick(layers), choices.pick(layers)];
    if (from?.input[1] && to?.input[1]) to.input = to.input.with(1, from.input[1]);
  },
  'graph input'(model, choices) {
    const { graph } = model;
    const what = choices.below(6);
    const dims = choices.pick([
      [],
      ['n'],
      ['n', -1],
      [0, 4],
      ['n', 2 ** 40],
      [1, 'm'],
      ['n', 4, 4, 4],
      [2 ** 31, 2 ** 31],
    ]);
    const name = choices.pick([...tensorNames(model), ...NAMES]);
    if (what === 0) graph.input = [];
    else if (what === 1) graph.input.push(valueInfo(name, dims, choices.below(20)));
    else if (what === 2 && graph.input[0]) graph.input[0] = valueInfo(graph.input[0].name, dims);
    else if (what === 3 && graph.input[0])
      graph.input[0] = valueInfo(graph.input[0].name, ['n', 6], choices.below(20));
    else if (what === 4 && graph.input[0]) renameEverywhere(model, graph.input[0].name, choices.pick(NAMES));
    else if (graph.input[0]) graph.input[0].type = undefined;
  },
  'graph output'(model, choices) {
    const { graph } = model;
    const what = choices.below(4);
    if (what === 0) graph.output = [];
    else if (what === 1)
      graph.output.push(valueInfo(choices.pick([...tensorNames(model), 'nowhere']), ['n', 3]));
    else if (what === 2 && graph.output[0])
      graph.output[0] = valueInfo(graph.output[0].name, [7, 7, 7], choices.below(20));
    else graph.output.push(...graph.output);
  },
  'weight as graph input'(model, choices) {
    const tensor = choices.pick(tensorsOf(model));
    if (!tensor) return;
    model.graph.input.push(valueInfo(tensor.name, tensor.dims.map(Number)));
    model.irVersion = choices.pick([3n, 7n]);
  },
  versions(model, choices) {
    if (choices.chance(0.5)) model.irVersion = choices.pick([0n, 1n, 3n, 4n, 10n, 99n, -1n, 2n ** 62n]);
    else if (choices.chance(0.8) && model.opsetImport[0])
      model.opsetImport[0].version = choices.pick([0n, 1n, 5n, 6n, 7n, 9n, 11n, 18n, 21n, 999n, -1n]);
    else model.opsetImport = choices.chance(0.5) ? [] : [...model.opsetImport, ...model.opsetImport];
  },
  'nested graphs'(model, choices) {
    const node = choices.pick(model.graph.node);
    if (!node) return;
    let graph = create(onnx.GraphProtoSchema, { name: 'inner', node: [makeNode('Identity', ['x'], 'y')] });
    for (let depth = choices.pick([1, 3, 40, 90]); depth > 0; depth--) {
      const outer = makeNode('If', ['x'], `z${depth}`);
      outer.attribute = [create(onnx.AttributeProtoSchema, { name: 'then_branch', type: 5, g: graph })];
      graph = create(onnx.GraphProtoSchema, { name: 'inner', node: [outer] });
    }
    node.attribute = [
      ...node.attribute,
      create(onnx.AttributeProtoSchema, { name: 'body', type: 5, g: graph }),
    ];
  },
  'long chain'(model, choices) {
    const { graph } = model;
    const [first] = graph.node;
    if (!first?.input[0]) return;
    let tensor = first.input[0];
    const chain = [];
    for (let i = choices.pick([10, 100, 1000]); i > 0; i--) {
      chain.push(makeNode(choices.pick(['Identity', 'Relu', 'Flatten']), [tensor], `chain${i}`));
      tensor = `chain${i}`;
    }
    first.input = first.input.with(0, tensor);
    graph.node.unshift(...chain);
  },
  'reshape target'(model, choices) {
    for (const tensor of tensorsOf(model)) {
      if (tensor.dataType !== DataType.INT64) continue;
      const wanted = choices.pick([
        [-1, -1],
        [0, 0],
        [1],
        [],
        [2 ** 40, -1],
        [-1, 9],
        [0, 3, 3, -1],
        [-2, 1],
      ]);
      Object.assign(tensor, int64Tensor(tensor.name, wanted));
    }
  },
  'no graph'(model) {
    model.graph = undefined;
  },
};

/** Lengths are taken modulo the size, so that every mutant differs from its model. */
export const BYTE_MUTATIONS = {
  truncated: (bytes, choices) => bytes.subarray(0, choices.below(bytes.length)),
  'bits flipped'(bytes, choices) {
    const result = bytes.slice();
    for (let i = 1 + choices.below(8); i > 0; i--)
      result[choices.below(result.length)] ^= 1 << choices.below(8);
    return result;
  },
  'header bytes changed'(bytes, choices) {
    const result = bytes.slice();
    result[choices.below(Math.min(200, result.length))] = choices.below(256);
    return result;
  },
  'part repeated'(bytes, choices) {
    const start = choices.below(bytes.length);
    const end = start + choices.below(bytes.length - start);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  'part removed'(bytes, choices) {
    const start = choices.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + choices.below(64))]);
  },
  'zeros inserted'(bytes, choices) {
    const at = choices.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), new Uint8Array(1 + choices.below(64)), bytes.subarray(at)]);
  },
  'numbers made long'(bytes, choices) {
    const at = choices.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), new Uint8Array(9).fill(0xff), bytes.subarray(at + 1)]);
  },
  replaced: (_, choices) => Uint8Array.from({ length: choices.below(300) }, () => choices.below(256)),
  'text instead': () => Buffer.from('{"format":"layers-model","modelTopology":{}}\n'),
};
