/** Changes to the files of a TensorFlow.js model of either kind: in the JSON, in the manifest, in the bytes, in the text. */

export const VALUES = [
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

const specsOf = ({ json }) => json.weightsManifest[0].weights;

/** Every place in a JSON value: the object or list, and the key. */
export function places(value, found = []) {
  if (typeof value !== 'object' || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push([value, key]);
    places(value[key], found);
  }
  return found;
}

/** Sets a key that is really of the object, also where it is called `__proto__`. */
export function put(target, key, value) {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/** @type {Readonly<Record<string, (model: any, choices: any) => void>>} */
export const FILE_MUTATIONS = {
  'weight not finite'(model, choices) {
    const view = new DataView(model.bytes.buffer, model.bytes.byteOffset, model.bytes.length);
    const at = 4 * choices.below(Math.floor(model.bytes.length / 4));
    view.setFloat32(at, choices.pick([Number.NaN, Number.POSITIVE_INFINITY, -1e38, 1e-45, 3e38]), true);
  },
  'value replaced'({ json }, choices) {
    const [owner, key] = choices.pick(places(json));
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
