/** Changes to a LayersModel that a stranger's files might have: in the JSON, in the manifest, in the bytes, in the text. */

const VALUES = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    0.5,
    1e308,
    2 ** 31,
    2 ** 53,
    -0,
    '',
    'relu',
    'x',
    [],
    {},
    [[]],
    [null],
    [1, 2],
    ['x'],
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    '../x',
    'dense_0',
    'dense_1',
    'float32',
    'softmax',
  ],
];
const CLASSES = [
  ...[
    'Dense',
    'Flatten',
    'Dropout',
    'Activation',
    'ReLU',
    'LeakyReLU',
    'BatchNormalization',
    'Reshape',
    'Permute',
    'Conv2D',
  ],
  ...[
    'Add',
    'Concatenate',
    'MaxPooling2D',
    'GlobalAveragePooling2D',
    'InputLayer',
    'LSTM',
    'Sequential',
    'Model',
    'Lambda',
  ],
  ...['Nothing', '', '__proto__', 'constructor', 'hasOwnProperty'],
];
const PATHS = [
  '../outside.bin',
  '/etc/hostname',
  'a/../../outside.bin',
  '..\\outside.bin',
  'https://localhost:1/w.bin',
  'file:///etc/hostname',
  'link.bin',
  'nothing.bin',
  'data.bin',
  '.',
  '',
  'nul\0byte',
  '/dev/zero',
];

const layersOf = ({ json }) => json.modelTopology.config.layers;
const specsOf = ({ json }) => json.weightsManifest[0].weights;

/** Every place in a JSON value: the object or list, and the key. */
function places(value, found = []) {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    places(value[key], found);
  }
  return found;
}

/** Sets a key that is really of the object, also where it is called `__proto__`. */
function put(target, key, value) {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** @type {Readonly<Record<string, (model: any, choices: any) => void>>} */
export const MUTATIONS = {
  'weight not finite'(model, choices) {
    const view = new DataView(model.bytes.buffer, model.bytes.byteOffset, model.bytes.length);
    const at = 4 * choices.below(Math.floor(model.bytes.length / 4));
    view.setFloat32(at, choices.pick([Number.NaN, Number.POSITIVE_INFINITY, -1e38, 1e-45, 3e38]), true);
  },
  'value replaced'({ json }, choices) {
    const [owner, key] = choices.pick(places(json));
    put(owner, key, choices.pick(VALUES));
  },
  'config replaced'(model, choices) {
    const [owner, key] = choices.pick(places(layersOf(model)));
    put(owner, key, choices.pick(VALUES));
  },
  'key removed'({ json }, choices) {
    const [owner, key] = choices.pick(places(json));
    delete owner[key];
  },
  'key added'({ json }, choices) {
    const objects = places(json).filter(([owner]) => !Array.isArray(owner));
    const [owner] = choices.pick(objects);
    put(
      owner,
      choices.pick(['__proto__', 'constructor', 'prototype', 'toString', 'length']),
      choices.pick([...VALUES, { polluted: true }]),
    );
  },
  'layer class'(model, choices) {
    const layer = choices.pick(layersOf(model));
    if (layer) layer.class_name = choices.pick(CLASSES);
  },
  'layer renamed'(model, choices) {
    const layer = choices.pick(layersOf(model));
    if (!layer) return;
    const name = choices.pick([
      '__proto__',
      'constructor',
      '',
      'a/b',
      '../x',
      '\u001b[31m',
      'x'.repeat(3000),
      'dense_1',
      'line\nbreak',
    ]);
    layer.config.name = name;
    if (choices.chance(0.7)) layer.name = name;
  },
  'layer removed or repeated'(model, choices) {
    const layers = layersOf(model);
    if (choices.chance(0.5)) layers.splice(choices.below(layers.length), 1);
    else layers.push(structuredClone(choices.pick(layers)));
  },
  'layers reordered'(model, choices) {
    const layers = layersOf(model);
    layers.push(...layers.splice(choices.below(layers.length), 1));
  },
  rewired(model, choices) {
    const layer = choices.pick(layersOf(model).filter(({ inbound_nodes: nodes }) => nodes?.length > 0));
    if (!layer) return;
    const names = layersOf(model).map(({ name }) => name);
    layer.inbound_nodes = choices.pick([
      [[[choices.pick(names), 0, 0, {}]]],
      [[[choices.pick(names), choices.pick([1, -1, 9, 1e9]), 0, {}]]],
      [[['nowhere', 0, 0, {}]]],
      [],
      [[]],
      [...layer.inbound_nodes, ...layer.inbound_nodes],
      [
        [
          [choices.pick(names), 0, 0, {}],
          [choices.pick(names), 0, 0, {}],
        ],
      ],
    ]);
  },
  'units or filters'(model, choices) {
    const layer = choices.pick(
      layersOf(model).filter(({ config }) => 'units' in config || 'filters' in config),
    );
    if (!layer) return;
    layer.config['units' in layer.config ? 'units' : 'filters'] = choices.pick([
      0,
      -1,
      1,
      3,
      1e9,
      2 ** 53,
      1.5,
      '4',
      null,
    ]);
  },
  'input shape'(model, choices) {
    for (const { config } of layersOf(model)) {
      if (config?.batch_input_shape === undefined) continue;
      config.batch_input_shape = choices.pick([
        [],
        [null],
        [null, 0],
        [null, -3],
        [null, 2 ** 40],
        [3, 3],
        [null, null],
        null,
        'x',
        [null, 6, 6],
      ]);
    }
  },
  'weight shape'(model, choices) {
    const spec = choices.pick(specsOf(model));
    if (!spec) return;
    const at = choices.below(spec.shape.length);
    const size = choices.pick([0, -1, 1, 2 ** 31, 2 ** 53, 1e300, 1.5, null, '3']);
    spec.shape = choices.pick([
      [],
      spec.shape.with(at, size),
      [...spec.shape].reverse(),
      [...spec.shape, 1],
      null,
    ]);
  },
  'weight type'(model, choices) {
    const spec = choices.pick(specsOf(model));
    if (spec)
      spec.dtype = choices.pick([
        'int32',
        'bool',
        'uint8',
        'float16',
        'string',
        'complex64',
        'float64',
        '__proto__',
        '',
        null,
      ]);
  },
  'weight quantised'(model, choices) {
    const spec = choices.pick(specsOf(model));
    if (!spec) return;
    spec.quantization = choices.pick([
      { dtype: 'uint8', scale: 0.1, min: -1 },
      { dtype: 'uint16', scale: Number.MAX_VALUE, min: 0 },
      { dtype: 'float16' },
      { dtype: 'uint8' },
      { dtype: 'x', scale: 1, min: 0 },
      {},
      null,
    ]);
  },
  'weight renamed'(model, choices) {
    const spec = choices.pick(specsOf(model));
    if (spec)
      spec.name = choices.pick([
        '__proto__',
        'constructor',
        '',
        'dense_0/kernel',
        'dense_1/bias',
        'x',
        'kernel',
      ]);
  },
  'weight removed or repeated'(model, choices) {
    const specs = specsOf(model);
    if (choices.chance(0.5)) specs.splice(choices.below(specs.length), 1);
    else specs.push(structuredClone(choices.pick(specs)));
  },
  'weights reordered'(model, choices) {
    const specs = specsOf(model);
    specs.push(...specs.splice(choices.below(specs.length), 1));
  },
  'shard paths'({ json }, choices) {
    const [group] = json.weightsManifest;
    group.paths = choices.pick([
      [choices.pick(PATHS)],
      [...group.paths, choices.pick(PATHS)],
      group.paths.with(0, choices.pick(PATHS)),
      [...group.paths].reverse(),
      group.paths.slice(1),
      [...group.paths, ...group.paths],
      [],
      null,
      [1],
    ]);
  },
  manifest({ json }, choices) {
    json.weightsManifest = choices.pick([
      [],
      null,
      {},
      'x',
      [null],
      [{}],
      [...json.weightsManifest, ...json.weightsManifest],
    ]);
  },
  'bytes cut or added'(model, choices) {
    const { bytes } = model;
    model.bytes = choices.chance(0.5)
      ? bytes.subarray(0, choices.below(bytes.length))
      : Buffer.concat([bytes, new Uint8Array(1 + choices.below(9))]);
  },
  'deep config'(model, choices) {
    const layer = choices.pick(layersOf(model));
    if (!layer) return;
    let value = 0;
    for (let i = choices.pick([100, 1000]); i > 0; i--) value = [value];
    layer.config.deep = value;
  },
  'graph model'({ json }, choices) {
    json.format = 'graph-model';
    if (choices.chance(0.5))
      json.modelTopology = {
        node: choices.pick([[], [{ name: 'x', op: 'Placeholder' }], null, [null]]),
        library: {},
        versions: {},
      };
  },
};

/** Changes to the text of model.json. */
export const TEXT_MUTATIONS = {
  truncated: (text, choices) => text.slice(0, choices.below(text.length)),
  'characters changed'(text, choices) {
    const at = choices.below(text.length);
    return `${text.slice(0, at)}${choices.pick(['"', '{', '}', '[', ']', ',', '\\', '\0', '9', 'é', '-'])}${text.slice(at + 1)}`;
  },
  empty: () => '',
  'nested without end': (_, choices) => '['.repeat(choices.pick([100, 100_000])),
  'another kind': () => '{"modelTopology":1,"weightsManifest":[]}',
};
