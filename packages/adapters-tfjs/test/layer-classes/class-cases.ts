/** A few layers for every class that can stand between two fully connected layers. */
import { ACTIVATIONS } from '../../src/layers-model/classes/activations.js';
import type { LayerClass } from '../../src/layers-model/classes/layer-class.js';

export const FEATURES = 8;

export interface LayerJson {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of the layers that it reads; left out: the one before it. `h` makes what the case reads. */
  readonly reads?: readonly string[];
}
export interface Case {
  /** The sizes of what the case reads between batch and features. */
  readonly sizes: readonly number[];
  readonly layers: readonly LayerJson[];
}

type Config = LayerJson['config'];
const layer = (class_name: string, config: Config = {}, reads?: readonly string[]): LayerJson => ({
  class_name,
  config,
  ...(reads ? { reads } : {}),
});
/** The sizes that classes of some rank read. */
const VECTOR: readonly number[] = [];
const STEPS = [4];
const IMAGE = [4, 4];
const VOLUME = [2, 2, 2];
const MOVIE = [2, 4, 4];

const on = (sizes: readonly number[], ...layers: LayerJson[]): Case => ({ sizes, layers });
/** Keeps what a class reads from 0 to below 1. */
const SIGMOID = layer('Activation', { activation: 'sigmoid' });
const RELU = layer('Activation', { activation: 'relu' });
const filters = { filters: FEATURES, kernel_size: 1 };
const first = { data_format: 'channels_first' };
const dense = (name: string) => layer('Dense', { name, units: FEATURES });
const merged = (name: string, config: Config = {}): Record<string, Case> => ({
  'with another layer': on(VECTOR, { ...dense('other'), reads: ['h'] }, layer(name, config, ['h', 'other'])),
});
const rnn = (config: Config = {}): Config => ({ units: FEATURES, return_sequences: true, ...config });
const held = (class_name: string, config: Config): Config => ({ layer: { class_name, config } });
const inner = (sequential: boolean): LayerJson => {
  const input = { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, FEATURES] } };
  const only = { class_name: 'Activation', config: { name: 'only', activation: 'relu' } };
  if (sequential) return layer('Sequential', { layers: [input, only] });
  return layer('Functional', {
    layers: [
      { ...input, name: 'in', inbound_nodes: [] },
      { ...only, name: 'only', inbound_nodes: [[['in', 0, 0, {}]]] },
    ],
    input_layers: [['in', 0, 0]],
    output_layers: [['only', 0, 0]],
  });
};
const pool = (name: string, sizes: readonly number[]): Record<string, Case> => ({
  'of channels': on(sizes, layer(name, { pool_size: 2, strides: 1, padding: 'same' })),
  'of features on another axis': on(
    VECTOR,
    layer('Reshape', { target_shape: [FEATURES, ...sizes.slice(1).map(() => 1), 1] }),
    layer(name, { pool_size: [2, ...sizes.slice(1).map(() => 1)], strides: 1, padding: 'same' }),
    layer('Flatten'),
  ),
});
const pools = (name: string, sizes: readonly number[]): [string, Record<string, Case>] => [
  name,
  pool(name, sizes),
];

/** The limit of `relu6` is far from what cases read. */
const reaching = (name: string) => (name === 'relu6' ? [layer('Rescaling', { scale: 4 })] : []);

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  Activation: {
    ...Object.fromEntries(
      ACTIVATIONS.flatMap(({ name }) => [
        [name, on(VECTOR, ...reaching(name), layer('Activation', { activation: name }))],
        [`${name} of the layer before`, on(VECTOR, layer('Dense', { units: FEATURES, activation: name }))],
      ]),
    ),
    'hard_sigmoid as files write it': on(VECTOR, layer('Activation', { activation: 'hard_sigmoid' })),
    'an object': on(VECTOR, layer('Activation', { activation: { class_name: 'tanh', config: {} } })),
    'an object of the layer before': on(
      VECTOR,
      layer('Dense', { units: FEATURES, activation: { class_name: 'softmax', config: {} } }),
    ),
  },
  ReLU: { alone: on(VECTOR, layer('ReLU')), 'with a limit': on(VECTOR, layer('ReLU', { max_value: 0.5 })) },
  PReLU: {
    'a slope per feature': on(VECTOR, layer('PReLU')),
    'a slope per step and feature': on(STEPS, layer('PReLU')),
    'a slope per step': on(STEPS, layer('PReLU', { shared_axes: [2] })),
    'of features on another axis': on(
      VECTOR,
      layer('Reshape', { target_shape: [FEATURES, 1] }),
      layer('PReLU'),
      layer('Flatten'),
    ),
  },
  SpatialDropout1D: { steps: on(STEPS, layer('SpatialDropout1D', { rate: 0.5 })) },
  Masking: {
    zeros: on(STEPS, RELU, layer('Masking')),
    'another value': on(STEPS, RELU, layer('Masking', { mask_value: 1 })),
  },
  Rescaling: {
    'by a factor': on(VECTOR, layer('Rescaling', { scale: 0.5 })),
    'with an offset': on(VECTOR, layer('Rescaling', { scale: 0.5, offset: 1 })),
  },
  Add: merged('Add'),
  Multiply: merged('Multiply'),
  Average: merged('Average'),
  Maximum: merged('Maximum'),
  Minimum: merged('Minimum'),
  Concatenate: merged('Concatenate'),
  Dot: {
    'with another layer': on(
      STEPS,
      { ...dense('other'), reads: ['h'] },
      layer('Dot', { axes: [1, 1] }, ['h', 'other']),
    ),
  },
  BatchNormalization: {
    'of features': on(VECTOR, layer('BatchNormalization')),
    'without γ': on(VECTOR, layer('BatchNormalization', { scale: false })),
    'of channels': on(IMAGE, layer('BatchNormalization', { axis: [3] })),
    'of steps': on(STEPS, layer('BatchNormalization', { axis: 1 })),
    'of features on another axis': on(
      STEPS,
      layer('Permute', { dims: [2, 1] }),
      layer('BatchNormalization', { axis: 1 }),
      layer('Permute', { dims: [2, 1] }),
    ),
  },
  LayerNormalization: {
    'of features': on(VECTOR, layer('LayerNormalization')),
    'without γ': on(STEPS, layer('LayerNormalization', { scale: false })),
    'without parameters': on(VECTOR, layer('LayerNormalization', { scale: false, center: false })),
    'of steps': on(STEPS, layer('LayerNormalization', { axis: [1] })),
    'of all': on(STEPS, layer('LayerNormalization', { axis: [1, 2] })),
  },
  Softmax: {
    'of features': on(VECTOR, layer('Softmax', { axis: -1 })),
    'of steps': on(
      STEPS,
      layer('Permute', { dims: [2, 1] }),
      layer('Softmax', { axis: 2 }),
      layer('Permute', { dims: [2, 1] }),
    ),
  },
  Flatten: {
    'one place': on([1, 1], layer('Flatten')),
    'several places': on(STEPS, layer('Flatten')),
    'channels-first': on([1, 1], layer('Flatten', first)),
    'several places, channels-first': on(STEPS, layer('Flatten', first)),
  },
  Reshape: {
    'an axis more': on(VECTOR, layer('Reshape', { target_shape: [1, FEATURES] })),
    'an open axis': on(IMAGE, layer('Reshape', { target_shape: [-1, FEATURES] })),
    'positions in a row': on(IMAGE, layer('Reshape', { target_shape: [16, FEATURES] })),
    'as many steps as features': on(
      [8],
      layer('Reshape', { target_shape: [2, 4, FEATURES] }),
      layer('Reshape', { target_shape: [8, 8] }),
    ),
    'pairs of features': on(
      VECTOR,
      layer('Reshape', { target_shape: [4, 2] }),
      layer('Reshape', { target_shape: [FEATURES] }),
    ),
  },
  Permute: {
    steps: on(IMAGE, layer('Permute', { dims: [2, 1, 3] })),
    'there and back': on(
      STEPS,
      layer('Permute', { dims: [2, 1] }),
      layer('ReLU'),
      layer('Permute', { dims: [2, 1] }),
    ),
    features: on([FEATURES], layer('Permute', { dims: [2, 1] })),
  },
  RepeatVector: { twice: on(VECTOR, layer('RepeatVector', { n: 2 })) },
  ZeroPadding2D: {
    'a border': on(IMAGE, layer('ZeroPadding2D')),
    uneven: on(
      IMAGE,
      layer('ZeroPadding2D', {
        padding: [
          [0, 1],
          [2, 0],
        ],
      }),
    ),
    'channels-first': on(IMAGE, layer('ZeroPadding2D', { padding: [1, 1], ...first })),
    'of features on another axis': on(
      VECTOR,
      layer('Reshape', { target_shape: [FEATURES, 1, 1] }),
      layer('ZeroPadding2D', {
        padding: [
          [1, 0],
          [0, 0],
        ],
      }),
      layer('Cropping2D', {
        cropping: [
          [0, 1],
          [0, 0],
        ],
      }),
      layer('Flatten'),
    ),
  },
  Cropping2D: {
    'a border': on(
      IMAGE,
      layer('Cropping2D', {
        cropping: [
          [1, 0],
          [0, 2],
        ],
      }),
    ),
  },
  UpSampling2D: {
    twice: on(IMAGE, layer('UpSampling2D')),
    'between pixels': on(IMAGE, layer('UpSampling2D', { size: [2, 3], interpolation: 'bilinear' })),
  },
  // TensorFlow.js changes the shape of what it reads.
  CenterCrop: {
    smaller: on(IMAGE, layer('UpSampling2D'), layer('CenterCrop', { height: 4, width: 2 })),
  },
  ...Object.fromEntries(
    ['Max', 'Average'].flatMap((kind) => [
      pools(`${kind}Pooling1D`, STEPS),
      pools(`${kind}Pooling2D`, IMAGE),
      pools(`${kind}Pooling3D`, VOLUME),
      [`Global${kind}Pooling1D`, { steps: on(STEPS, layer(`Global${kind}Pooling1D`)) }],
      [
        `Global${kind}Pooling2D`,
        {
          images: on(IMAGE, layer(`Global${kind}Pooling2D`)),
          'channels-first': on(
            IMAGE,
            layer('Permute', { dims: [3, 1, 2] }),
            layer(`Global${kind}Pooling2D`, first),
          ),
        },
      ],
    ]),
  ),
  Dense: {
    alone: on(VECTOR, layer('Dense', { units: FEATURES })),
    'as a cluster sum reads it': on(STEPS, layer('Dense', { units: 5, activation: 'relu' })),
  },
  Conv1D: {
    steps: on(STEPS, layer('Conv1D', { ...filters, kernel_size: 3, padding: 'same', dilation_rate: 2 })),
  },
  Conv2D: {
    images: on(IMAGE, layer('Conv2D', { ...filters, kernel_size: [3, 2], strides: 2, activation: 'relu' })),
    'channels-first': on(IMAGE, layer('Conv2D', { ...filters, ...first })),
  },
  Conv3D: { volumes: on(VOLUME, layer('Conv3D', { ...filters, kernel_size: 2, use_bias: false })) },
  Conv2DTranspose: {
    images: on(
      IMAGE,
      layer('Conv2DTranspose', { ...filters, kernel_size: 3, strides: 2, activation: 'relu' }),
    ),
    'the same size': on(
      IMAGE,
      layer('Conv2DTranspose', { ...filters, kernel_size: 3, padding: 'same', strides: 2 }),
    ),
  },
  Conv3DTranspose: { volumes: on(VOLUME, layer('Conv3DTranspose', { ...filters, kernel_size: 2 })) },
  SeparableConv2D: {
    images: on(IMAGE, layer('SeparableConv2D', { ...filters, kernel_size: 3, depth_multiplier: 2 })),
  },
  DepthwiseConv2D: {
    'one by one': on(IMAGE, layer('DepthwiseConv2D', { kernel_size: 1 })),
    'three by three': on(
      IMAGE,
      layer('DepthwiseConv2D', { kernel_size: 3, padding: 'same', activation: 'relu' }),
    ),
    'two filters each': on(IMAGE, layer('DepthwiseConv2D', { kernel_size: 3, depth_multiplier: 2 })),
  },
  Embedding: {
    'of whole numbers': on(VECTOR, SIGMOID, layer('Embedding', { input_dim: 4, output_dim: FEATURES })),
  },
  CategoryEncoding: {
    'multi-hot': on(
      VECTOR,
      SIGMOID,
      layer('CategoryEncoding', { num_tokens: FEATURES, output_mode: 'multiHot' }),
    ),
  },
  SimpleRNN: {
    steps: on(STEPS, layer('SimpleRNN', rnn())),
    last: on(STEPS, layer('SimpleRNN', rnn({ return_sequences: false }))),
  },
  GRU: { steps: on(STEPS, layer('GRU', rnn({ reset_after: false }))) },
  LSTM: { steps: on(STEPS, layer('LSTM', rnn())) },
  RNN: {
    'of a cell': on(
      STEPS,
      layer('RNN', {
        cell: { class_name: 'SimpleRNNCell', config: { units: FEATURES } },
        return_sequences: true,
      }),
    ),
  },
  ConvLSTM2D: {
    last: on(MOVIE, layer('ConvLSTM2D', { ...filters, kernel_size: 3 })),
    steps: on(MOVIE, layer('ConvLSTM2D', { ...filters, return_sequences: true })),
  },
  TimeDistributed: {
    'a Dense layer': on(STEPS, layer('TimeDistributed', held('Dense', { name: 'each', units: FEATURES }))),
  },
  Bidirectional: {
    'side by side': on(STEPS, layer('Bidirectional', held('LSTM', rnn({ name: 'way' })))),
    summed: on(STEPS, layer('Bidirectional', { ...held('LSTM', rnn({ name: 'way' })), merge_mode: 'sum' })),
  },
  Sequential: { 'one layer': on(VECTOR, inner(true)) },
  Functional: { 'one layer': on(VECTOR, inner(false)) },
  Model: { 'one layer': on(VECTOR, { ...inner(false), class_name: 'Model' }) },
};

/** Classes that need nothing but a name. */
const CONFIGS: Readonly<Record<string, Config>> = {
  LeakyReLU: { alpha: 0.2 },
  ThresholdedReLU: { theta: 0.3 },
  Dropout: { rate: 0.5 },
  GaussianNoise: { stddev: 1 },
  GaussianDropout: { rate: 0.5 },
  AlphaDropout: { rate: 0.5 },
};

/** What is not tried, with the reason. */
export const UNTRIED: Readonly<Record<string, string>> = {
  Resizing: 'TensorFlow.js runs it outside of models alone',
};

export function casesOf({ name, apart }: LayerClass): Readonly<Record<string, Case>> {
  if (apart !== undefined || name in UNTRIED) return {};
  return CASES[name] ?? { alone: on(VECTOR, layer(name, CONFIGS[name] ?? {})) };
}
