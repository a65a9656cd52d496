/** Networks of LayersModels with their widths, as `name size blocks: producers > consumers` or the reason. */
import { tf, tfl } from './build-layers-model.js';

export interface Network {
  readonly build: () => tfl.LayersModel;
  readonly widths: readonly string[];
}

const { layers } = tfl;
type Symbolic = tfl.SymbolicTensor;
const on = (layer: tfl.layers.Layer, ...reads: Symbolic[]): Symbolic =>
  layer.apply(reads.length === 1 ? reads[0]! : reads) as Symbolic;
const conv = (x: Symbolic, name: string, filters: number, kernelSize: number, more: object = {}): Symbolic =>
  on(layers.conv2d({ name, filters, kernelSize, padding: 'same', ...more }), x);
const dense = (x: Symbolic, name: string, units: number, more: object = {}): Symbolic =>
  on(layers.dense({ name, units, ...more }), x);
const normalised = (x: Symbolic): Symbolic => on(layers.batchNormalization(), x);
const activated = (x: Symbolic, activation: string): Symbolic =>
  on(layers.activation({ activation } as { activation: 'relu' }), x);
const image = (channels = 3): Symbolic => tfl.input({ shape: [6, 6, channels], name: 'x' });
const functional = (inputs: Symbolic | Symbolic[], outputs: Symbolic): tfl.LayersModel =>
  tfl.model({ inputs, outputs });

/** A block of MobileNetV3: normalised, depthwise, squeezed and excited. */
function mobileBlock(): tfl.LayersModel {
  const x = image();
  const expanded = activated(normalised(conv(x, 'expand', 8, 1, { useBias: false })), 'relu6');
  const deep = on(
    layers.depthwiseConv2d({ name: 'deep', kernelSize: 3, padding: 'same', useBias: false }),
    expanded,
  );
  const active = activated(normalised(deep), 'relu6');
  const pooled = on(layers.globalAveragePooling2d({}), active);
  const square = on(layers.reshape({ targetShape: [1, 1, 8], name: 'square' }), pooled);
  const squeezed = conv(square, 'squeeze', 4, 1, { activation: 'relu' });
  const excited = conv(squeezed, 'excite', 8, 1, { activation: 'hardSigmoid' });
  const scaled = on(layers.multiply(), active, excited);
  return functional(x, conv(scaled, 'project', 5, 1));
}

/** A word's meaning on a width that a convolution reads. */
function textNetwork(): tfl.LayersModel {
  const words = tfl.input({ shape: [7], name: 'x', dtype: 'int32' });
  const table = on(layers.embedding({ name: 'table', inputDim: 11, outputDim: 8 }), words);
  const read = on(layers.conv1d({ name: 'conv', filters: 6, kernelSize: 3, activation: 'relu' }), table);
  return functional(words, dense(on(layers.globalMaxPooling1d({}), read), 'out', 3));
}

/** One head of attention, as layers multiply what varies. */
function attention(): tfl.LayersModel {
  const x = tfl.input({ shape: [5, 3], name: 'x' });
  const [q, k, v] = ['q', 'k', 'v'].map((name) => dense(x, name, 8)) as [Symbolic, Symbolic, Symbolic];
  const scores = on(layers.softmax({ axis: 2 }), on(layers.dot({ axes: [2, 2] }), q, k));
  return functional(x, dense(on(layers.dot({ axes: [2, 1] }), scores, v), 'out', 3));
}

/** Scores of steps pick one, by the product of a matrix and a vector. */
function pooling(): tfl.LayersModel {
  const x = tfl.input({ shape: [5, 3], name: 'x' });
  const weights = on(layers.flatten(), dense(x, 'score', 1));
  const values = dense(x, 'values', 8, { activation: 'tanh' });
  const summed = on(layers.dot({ axes: [1, 1] }), values, on(layers.softmax({ axis: 1 }), weights));
  return functional(x, dense(summed, 'out', 3));
}

export const NETWORKS: Readonly<Record<string, Network>> = {
  'a perceptron in a row': {
    build: () =>
      tfl.sequential({
        layers: [
          layers.dense({ name: 'fc1', units: 8, inputShape: [3], activation: 'relu' }),
          layers.dropout({ rate: 0.5 }),
          layers.dense({ name: 'fc2', units: 12, activation: 'gelu' as 'relu', useBias: false }),
          layers.batchNormalization(),
          layers.dense({ name: 'out', units: 5, activation: 'softmax' }),
        ],
      }),
    widths: ['fc1 8 1: fc1 > fc2', 'fc2 12 1: fc2 > out', 'out: softmax out/softmax sums over a whole axis'],
  },
  "MobileNetV3's block": {
    build: mobileBlock,
    widths: [
      'expand 8 1: expand,excite > squeeze,project',
      'squeeze 4 1: squeeze > excite',
      'project: project is an output of the model',
    ],
  },
  "a concatenation as DenseNet's": {
    build() {
      const x = image();
      const first = conv(x, 'first', 6, 3, { activation: 'relu' });
      const second = conv(first, 'second', 4, 3, { activation: 'relu' });
      const both = on(layers.concatenate(), first, second);
      return functional(x, conv(activated(normalised(both), 'relu'), 'last', 5, 1));
    },
    widths: [
      'first 6 1: first > second,last',
      'second 4 1: second > last',
      'last: last is an output of the model',
    ],
  },
  'a sum of residuals, whose width is one': {
    build() {
      const x = image();
      const stem = conv(x, 'stem', 6, 3);
      const inner = conv(stem, 'inner', 8, 3, { activation: 'relu' });
      const sum = on(layers.add(), stem, conv(inner, 'outer', 6, 3));
      return functional(x, conv(activated(sum, 'relu'), 'last', 5, 1));
    },
    widths: [
      'stem 6 1: stem,outer > inner,last',
      'inner 8 1: inner > outer',
      'last: last is an output of the model',
    ],
  },
  'channels that are flattened into columns': {
    build: () =>
      tfl.sequential({
        layers: [
          layers.conv2d({ name: 'conv', inputShape: [6, 6, 3], filters: 8, kernelSize: 3, strides: 2 }),
          layers.prelu({ sharedAxes: [1, 2] } as object),
          layers.maxPooling2d({ poolSize: 2, strides: 1 }),
          layers.flatten(),
          layers.dense({ name: 'fc', units: 5 }),
        ],
      }),
    widths: ['conv 8 1: conv > fc', 'fc: fc is an output of the model'],
  },
  'separable convolutions in a row': {
    build: () =>
      tfl.sequential({
        layers: [
          layers.conv2d({ name: 'conv', inputShape: [6, 6, 3], filters: 8, kernelSize: 3, padding: 'same' }),
          layers.separableConv2d({
            name: 'first',
            filters: 6,
            kernelSize: 3,
            dilationRate: 2,
            activation: 'relu',
          }),
          layers.separableConv2d({ name: 'second', filters: 5, kernelSize: 2, useBias: false }),
        ],
      }),
    widths: [
      'conv 8 1: conv > first',
      'first 6 1: first > second',
      'second: second is an output of the model',
    ],
  },
  'layer normalisations': {
    build() {
      const x = tfl.input({ shape: [5, 3], name: 'x' });
      const over = on(layers.layerNormalization({ name: 'over' }), dense(x, 'before', 8));
      const inner = on(layers.layerNormalization({ axis: 1 }), dense(over, 'inner', 6));
      return functional(x, dense(inner, 'out', 3));
    },
    widths: [
      'before: LayerNormalization over normalises over them',
      'inner 6 1: inner > out',
      'out: out is an output of the model',
    ],
  },
  'images with channels first': {
    build() {
      const first = { dataFormat: 'channelsFirst' } as const;
      const x = tfl.input({ shape: [3, 6, 6], name: 'x' });
      const made = conv(x, 'conv', 8, 3, { activation: 'relu', ...first });
      const deep = on(
        layers.depthwiseConv2d({ name: 'deep', kernelSize: 3, ...first }),
        on(layers.zeroPadding2d({ padding: 1, ...first } as object), made),
      );
      const sloped = on(layers.prelu({ sharedAxes: [] } as object), deep);
      const back = on(layers.conv2dTranspose({ name: 'back', filters: 6, kernelSize: 2, ...first }), sloped);
      const pooled = on(layers.averagePooling2d({ poolSize: 2, ...first }), back);
      const flat = on(layers.flatten({ dataFormat: 'channelsFirst' }), pooled);
      return functional(x, dense(flat, 'out', 3));
    },
    widths: ['conv 8 1: conv > back', 'back 6 1: back > out', 'out: out is an output of the model'],
  },
  'an encoder, a decoder and what leads past both': {
    build() {
      const x = image();
      const high = conv(x, 'high', 4, 3, { activation: 'relu' });
      const low = conv(on(layers.maxPooling2d({ poolSize: 2 }), high), 'low', 8, 3, { activation: 'elu' });
      const up = on(layers.upSampling2d({ size: [2, 2] }), low);
      const back = on(
        layers.conv2dTranspose({ name: 'back', filters: 6, kernelSize: 2, strides: 2, activation: 'relu' }),
        low,
      );
      return functional(x, conv(on(layers.concatenate(), high, up, back), 'last', 3, 3));
    },
    widths: [
      'high 4 1: high > low,last',
      'low 8 1: low > back,last',
      'back 6 1: back > last',
      'last: last is an output of the model',
    ],
  },
  'a table of words': {
    build: textNetwork,
    widths: ['table 8 1: table > conv', 'conv 6 1: conv > out', 'out: out is an output of the model'],
  },
  'a head of attention': {
    build: attention,
    widths: ['q 8 1: q,k > ', 'v 8 1: v > out', 'out: out is an output of the model'],
  },
  'steps that are compared with each other': {
    build() {
      const x = tfl.input({ shape: [5, 3], name: 'x' });
      const made = dense(x, 'made', 8);
      const other = activated(made, 'tanh');
      const alike = on(layers.softmax({ axis: 2 }), on(layers.dot({ axes: [2, 2] }), made, other));
      return functional(x, dense(on(layers.dot({ axes: [2, 1] }), alike, made), 'out', 3));
    },
    widths: ['made: its features are multiplied with each other, too', 'out: out is an output of the model'],
  },
  'a weighted mean of steps': {
    build: pooling,
    widths: [
      'score: nothing is left of a single feature',
      'values 8 1: values > out',
      'out: out is an output of the model',
    ],
  },
  'layers that are called twice': {
    build() {
      const inputs = ['left', 'right'].map((name) => tfl.input({ shape: [3], name }));
      const shared = layers.dense({ name: 'shared', units: 8 });
      const relu = layers.reLU();
      const both = inputs.map((x, i) => on(relu, on(shared, dense(x, ['a', 'b'][i]!, 4))));
      const sum = on(layers.add(), ...both);
      return functional(inputs, dense(dense(sum, 'fc', 6), 'out', 3));
    },
    widths: [
      'a: the weights of shared are shared',
      'b: the weights of shared#2 are shared',
      'shared: the weights of shared#2 are shared',
      'fc 6 1: fc > out',
      'out: out is an output of the model',
    ],
  },
  'filters that are called twice': {
    build() {
      const inputs = ['left', 'right'].map((name) => tfl.input({ shape: [6, 6, 3], name }));
      const deep = layers.depthwiseConv2d({ name: 'deep', kernelSize: 3 });
      const both = inputs.map((x, i) => on(deep, conv(x, ['a', 'b'][i]!, 4, 1)));
      return functional(inputs, conv(on(layers.concatenate(), ...both), 'out', 3, 1));
    },
    widths: [
      'a: DepthwiseConv2D deep is called 2 times',
      'b: DepthwiseConv2D deep#2 is called 2 times',
      'out: out is an output of the model',
    ],
  },
  'steps one after the other': {
    build() {
      const x = tfl.input({ shape: [5, 3], name: 'x' });
      const both = on(layers.concatenate({ axis: 1 }), dense(x, 'a', 8), dense(x, 'b', 8));
      return functional(x, dense(on(layers.activation({ activation: 'tanh' }), both), 'out', 3));
    },
    widths: ['a 8 1: a,b > out', 'out: out is an output of the model'],
  },
  'nothing that could leave': {
    build: () => tfl.sequential({ layers: [layers.dense({ name: 'out', units: 5, inputShape: [3] })] }),
    widths: ['out: out is an output of the model'],
  },
};

/** Every other feature repeats the one before: values at odd places of axes of even length are those before them. */
export function withDuplicates(model: tfl.LayersModel): tfl.LayersModel {
  for (const layer of model.layers) {
    const repeated = layer.getWeights().map((weight) => {
      const strides = tf.util.computeStrides(weight.shape).concat(1);
      const values = weight.dataSync();
      const original = values.map((_, i) => {
        const from = weight.shape.map((size, axis) => {
          const at = Math.floor(i / strides[axis]!) % size;
          return (size % 2 === 0 ? at - (at % 2) : at) * strides[axis]!;
        });
        return values[from.reduce((sum, at) => sum + at, 0)]!;
      });
      return tf.tensor(original, weight.shape);
    });
    layer.setWeights(repeated);
  }
  return model;
}
