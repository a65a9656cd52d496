/** Small healthy LayersModels, as TensorFlow.js would save them: `model.json` and the bytes of its shards. */

const ACTIVATIONS = ['relu', 'relu', 'linear', 'sigmoid', 'tanh', 'elu'];

class Builder {
  layers = [];
  specs = [];
  values = [];
  #choices;

  constructor(choices) {
    this.#choices = choices;
  }

  weight(name, shape) {
    const size = shape.reduce((product, length) => product * length, 1);
    this.specs.push({ name, shape, dtype: 'float32' });
    this.values.push(Float32Array.from({ length: size }, () => this.#choices.uniform() - 0.5));
  }

  layer(className, name, config = {}) {
    const inbound = this.layers.length === 0 ? [] : [[[this.layers.at(-1).name, 0, 0, {}]]];
    this.layers.push({
      class_name: className,
      name,
      config: { name, trainable: true, ...config },
      inbound_nodes: inbound,
    });
  }

  dense(name, inputs, units, activation = this.#choices.pick(ACTIVATIONS)) {
    const bias = this.#choices.chance(0.8);
    this.layer('Dense', name, { units, activation, use_bias: bias });
    this.weight(`${name}/kernel`, [inputs, units]);
    if (bias) this.weight(`${name}/bias`, [units]);
  }

  model(shape, sequential) {
    const { layers } = this;
    let modelTopology;
    if (sequential) {
      const list = layers.map(({ class_name, config }, i) => ({
        class_name,
        config: i === 0 ? { ...config, batch_input_shape: shape } : config,
      }));
      modelTopology = {
        class_name: 'Sequential',
        config: { name: 'net', layers: list },
        keras_version: '2.4.0',
        backend: 'tensor_flow.js',
      };
    } else {
      const input = {
        class_name: 'InputLayer',
        name: 'x',
        config: { batch_input_shape: shape, dtype: 'float32', sparse: false, name: 'x' },
        inbound_nodes: [],
      };
      const first = { ...layers[0], inbound_nodes: [[['x', 0, 0, {}]]] };
      modelTopology = {
        class_name: 'Model',
        config: {
          name: 'net',
          layers: [input, first, ...layers.slice(1)],
          input_layers: [['x', 0, 0]],
          output_layers: [[layers.at(-1).name, 0, 0]],
        },
        keras_version: '2.4.0',
        backend: 'tensor_flow.js',
      };
    }
    const bytes = Buffer.concat(this.values.map((values) => new Uint8Array(values.buffer)));
    return {
      json: {
        format: 'layers-model',
        generatedBy: 'fuzz',
        convertedBy: null,
        modelTopology,
        weightsManifest: [{ paths: ['shard1.bin', 'shard2.bin'], weights: this.specs }],
      },
      bytes,
    };
  }
}

function perceptron(choices) {
  const builder = new Builder(choices);
  const inputs = 2 + choices.below(8);
  let width = inputs;
  const count = 2 + choices.below(3);
  for (let i = 0; i < count; i++) {
    const next = 1 + choices.below(10);
    builder.dense(`dense_${i}`, width, next);
    if (choices.chance(0.2)) builder.layer('Dropout', `drop_${i}`, { rate: 0.5 });
    width = next;
  }
  return builder.model([null, inputs], choices.chance(0.5));
}

function convolutional(choices) {
  const builder = new Builder(choices);
  const filters = 1 + choices.below(4);
  builder.layer('Conv2D', 'conv', {
    filters,
    kernel_size: [3, 3],
    strides: [1, 1],
    padding: 'same',
    data_format: 'channels_last',
    dilation_rate: [1, 1],
    activation: 'relu',
    use_bias: true,
  });
  builder.weight('conv/kernel', [3, 3, 1, filters]);
  builder.weight('conv/bias', [filters]);
  builder.layer('MaxPooling2D', 'pool', {
    pool_size: [2, 2],
    strides: [2, 2],
    padding: 'valid',
    data_format: 'channels_last',
  });
  builder.layer('Flatten', 'flat');
  builder.dense('dense_1', 9 * filters, 7, 'relu');
  builder.dense('dense_2', 7, 4, 'softmax');
  return builder.model([null, 6, 6, 1], choices.chance(0.5));
}

export function seedLayersModel(choices) {
  return choices.pick([perceptron, convolutional])(choices);
}
