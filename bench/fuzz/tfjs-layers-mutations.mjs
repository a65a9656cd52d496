/** Changes to the topology of a LayersModel that a stranger's file might have. */
import { places, put, VALUES } from './tfjs-mutations.mjs';

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
const layersOf = ({ json }) => json.modelTopology.config.layers;

/** @type {Readonly<Record<string, (model: any, choices: any) => void>>} */
export const LAYERS_MUTATIONS = {
  'config replaced'(model, choices) {
    const [owner, key] = choices.pick(places(layersOf(model)));
    put(owner, key, choices.pick(VALUES));
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
