/** Small healthy GraphModels, as the TensorFlow.js converter writes them: `model.json` and the bytes of its shards. */

const dims = (shape) => ({ dim: shape.map((size) => ({ size: String(size ?? -1) })) });

class Builder {
  nodes = [];
  specs = [];
  values = [];
  signature = { inputs: {}, outputs: {} };
  #choices;

  constructor(choices) {
    this.#choices = choices;
  }

  input(name, shape) {
    this.node('Placeholder', name, [], { dtype: { type: 'DT_FLOAT' }, shape: { shape: dims(shape) } });
    this.signature.inputs[name] = { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: dims(shape) };
    return name;
  }

  node(op, name, input, attr = { T: { type: 'DT_FLOAT' } }) {
    this.nodes.push({ name, op, input, attr });
    return name;
  }

  #constant(name, shape, dtype, values) {
    const type = dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    const value = { tensor: { dtype: type, tensorShape: dims(shape) } };
    this.specs.push({ name, shape, dtype });
    this.values.push(values);
    return this.node('Const', name, [], { dtype: { type }, value });
  }

  weight(name, shape) {
    const size = shape.reduce((product, length) => product * length, 1);
    const values = Float32Array.from({ length: size }, () => this.#choices.uniform() - 0.5);
    return this.#constant(name, shape, 'float32', values);
  }

  integers(name, values) {
    return this.#constant(name, [values.length], 'int32', Int32Array.from(values));
  }

  /** A fused product with its bias and activation, or plain nodes one after the other. */
  layer(name, input, inputs, outputs) {
    const turned = this.#choices.chance(0.3);
    const activation = this.#choices.pick(['Relu', 'Relu', 'Elu', 'Sigmoid', 'LeakyRelu']);
    const attr = {
      T: { type: 'DT_FLOAT' },
      transpose_a: { b: false },
      transpose_b: { b: turned },
    };
    let kernel = this.weight(`${name}/kernel`, turned ? [outputs, inputs] : [inputs, outputs]);
    if (this.#choices.chance(0.3)) kernel = this.node('Identity', `${name}/read`, [kernel]);
    const operands = [input, kernel, this.weight(`${name}/bias`, [outputs])];
    if (this.#choices.chance(0.5)) {
      const fused = ['BiasAdd', ...(activation === 'LeakyRelu' ? [] : [activation])];
      return this.node('_FusedMatMul', `${name}/fused`, operands, {
        ...attr,
        fused_ops: { list: { s: fused.map((text) => btoa(text)) } },
        num_args: { i: '1' },
      });
    }
    const product = this.node('MatMul', `${name}/MatMul`, operands.slice(0, 2), attr);
    const sum = this.node(this.#choices.pick(['BiasAdd', 'AddV2']), `${name}/add`, [product, operands[2]]);
    return this.node(activation, `${name}/${activation}`, [sum], {
      T: { type: 'DT_FLOAT' },
      alpha: { f: 0.1 },
    });
  }

  model(output, shape) {
    this.signature.outputs[output] = { name: `${output}:0`, dtype: 'DT_FLOAT', tensorShape: dims(shape) };
    return {
      json: {
        format: 'graph-model',
        generatedBy: 'fuzz',
        convertedBy: null,
        signature: this.signature,
        modelTopology: { node: this.nodes, library: {}, versions: { producer: 1395 } },
        weightsManifest: [{ paths: ['shard1.bin', 'shard2.bin'], weights: this.specs }],
      },
      bytes: Buffer.concat(this.values.map((values) => new Uint8Array(values.buffer))),
    };
  }
}

function perceptron(choices) {
  const builder = new Builder(choices);
  let width = 2 + choices.below(8);
  let tensor = builder.input('x', [null, width]);
  const layers = 2 + choices.below(3);
  for (let i = 0; i < layers; i++) {
    const next = 1 + choices.below(10);
    tensor = builder.layer(`dense_${i}`, tensor, width, next);
    if (choices.chance(0.2)) tensor = builder.node('Identity', `same_${i}`, [tensor]);
    width = next;
  }
  return builder.model(builder.node('Softmax', 'scores', [tensor]), [null, width]);
}

function convolutional(choices) {
  const builder = new Builder(choices);
  const filters = 1 + choices.below(4);
  const window = {
    T: { type: 'DT_FLOAT' },
    data_format: { s: btoa('NHWC') },
    padding: { s: btoa('SAME') },
    strides: { list: { i: ['1', '1', '1', '1'] } },
    dilations: { list: { i: ['1', '1', '1', '1'] } },
  };
  const image = builder.input('x', [null, 6, 6, 1]);
  const maps = builder.node(
    'Conv2D',
    'conv',
    [image, builder.weight('conv/kernel', [3, 3, 1, filters])],
    window,
  );
  const active = builder.node('Relu', 'conv/relu', [
    builder.node('BiasAdd', 'conv/add', [maps, builder.weight('conv/bias', [filters])]),
  ]);
  const mean = builder.integers('axes', [1, 2]);
  const flat = choices.chance(0.5)
    ? builder.node('Mean', 'pool', [active, mean], { T: { type: 'DT_FLOAT' }, keep_dims: { b: false } })
    : builder.node('Reshape', 'flat', [active, builder.integers('shape', [-1, 36 * filters])]);
  const width = flat === 'pool' ? filters : 36 * filters;
  const hidden = builder.layer('dense_1', flat, width, 7);
  return builder.model(builder.layer('dense_2', hidden, 7, 4), [null, 4]);
}

export function seedGraphModel(choices) {
  return choices.pick([perceptron, convolutional])(choices);
}
