/**
 * Makes the two sample models of the page again: one small network, trained on nine tenths of the embedded Fashion-MNIST images, as ONNX and as
 * a LayersModel of TensorFlow.js. It takes some minutes, and the files are committed:
 *
 *     node apps/web/samples/make.mjs
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Random } from '@spherize/core';
import { openDataset } from '../../cli/dist/data/open-dataset.js';
import { Network } from './train.mjs';

const OUT = fileURLToPath(new URL('../public/samples/', import.meta.url));
const EPOCHS = 1;
const BATCH = 50;
const HELD_BACK = 1000;

const data = await openDataset('fashion-mnist', { sampleShape: [1, 28, 28] });
const { inputs, labels } = await data.batch(0, data.samples);
const imageOf = (i) => Float64Array.from(inputs.subarray(784 * i, 784 * (i + 1)));
const random = new Random(0);
const network = new Network(() => random.normal());
const trained = data.samples - HELD_BACK;
for (let epoch = 1; epoch <= EPOCHS; epoch++) {
  let loss = 0;
  // In the order of the set, which is a random one.
  for (let i = 0; i < trained; i++) {
    loss += network.learn(imageOf(i), labels[i]);
    if (i % BATCH === BATCH - 1) network.step(BATCH);
  }
  let right = 0;
  for (let i = trained; i < data.samples; i++) if (network.classOf(imageOf(i)) === labels[i]) right++;
  process.stdout.write(
    `epoch ${epoch}: loss ${(loss / trained).toFixed(3)}, held back ${right / HELD_BACK}\n`,
  );
}
mkdirSync(join(OUT, 'fashion-tfjs'), { recursive: true });
await writeOnnx(join(OUT, 'fashion.onnx'));
writeLayersModel(join(OUT, 'fashion-tfjs'));

async function writeOnnx(path) {
  const require = createRequire(new URL('../../../packages/adapters-onnx/package.json', import.meta.url));
  const load = (name) => import(pathToFileURL(require.resolve(name)).href);
  const { create, toBinary } = await load('@bufbuild/protobuf');
  const onnx = await load('onnx-buf');
  const { AttributeProto_AttributeType: AttributeType, TensorProto_DataType: DataType } = onnx;
  const tensor = (name, dims, values) => {
    const rawData = new Uint8Array(Float32Array.from(values).buffer);
    return create(onnx.TensorProtoSchema, {
      name,
      dims: dims.map(BigInt),
      dataType: DataType.FLOAT,
      rawData,
    });
  };
  const ints = (name, list) =>
    create(onnx.AttributeProtoSchema, { name, type: AttributeType.INTS, ints: list.map(BigInt) });
  const int = (name, value) =>
    create(onnx.AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  const info = (name, dims) => {
    const dim = [
      { value: { case: 'dimParam', value: 'batch' } },
      ...dims.map((length) => ({ value: { case: 'dimValue', value: BigInt(length) } })),
    ];
    const value = { elemType: DataType.FLOAT, shape: { dim } };
    return create(onnx.ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
  };
  const node = [];
  const initializer = [];
  let last = 'image';
  const add = (opType, name, input, attribute = [], output = `${name}.out`) => {
    node.push(create(onnx.NodeProtoSchema, { opType, name, input, output: [output], attribute }));
    last = output;
  };
  for (const [i, { name, from, to, kernel, weights, bias }] of network.layers.entries()) {
    const flat = kernel === 1;
    if (flat && network.layers[i - 1].kernel > 1) add('Flatten', 'flat', [last], [int('axis', 1)]);
    initializer.push(
      tensor(`${name}.weight`, flat ? [to, from] : [to, from, kernel, kernel], weights),
      tensor(`${name}.bias`, [to], bias),
    );
    const output = i === network.layers.length - 1 ? 'scores' : undefined;
    const attributes = flat
      ? [int('transB', 1)]
      : [ints('kernel_shape', [kernel, kernel]), ints('strides', [2, 2])];
    add(flat ? 'Gemm' : 'Conv', name, [last, `${name}.weight`, `${name}.bias`], attributes, output);
    if (output === undefined) add('Relu', `relu${i + 1}`, [last]);
  }
  const graph = {
    name: 'fashion',
    node,
    initializer,
    input: [info('image', [1, 28, 28])],
    output: [info('scores', [10])],
  };
  const proto = create(onnx.ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'spherize sample',
    opsetImport: [{ domain: '', version: 17n }],
    graph: create(onnx.GraphProtoSchema, graph),
  });
  writeFileSync(path, toBinary(onnx.ModelProtoSchema, proto));
}

/** Keras 2, as TensorFlow.js saves it: channels last, weights of products by input. */
function writeLayersModel(folder) {
  const layers = [];
  const specs = [];
  const values = [];
  const weight = (name, shape, valueAt) => {
    specs.push({ name, shape, dtype: 'float32' });
    const size = shape.reduce((product, length) => product * length, 1);
    for (let i = 0; i < size; i++) {
      let rest = i;
      const place = shape.map((_, axis) => {
        const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
        const at = Math.floor(rest / inner);
        rest -= at * inner;
        return at;
      });
      values.push(valueAt(...place));
    }
  };
  for (const [i, { name, from, to, kernel, weights, bias }] of network.layers.entries()) {
    const activation = i === network.layers.length - 1 ? 'linear' : 'relu';
    const before = network.layers[i - 1];
    const first = i === 0 ? { batch_input_shape: [null, 28, 28, 1], dtype: 'float32' } : {};
    if (kernel > 1) {
      const config = {
        ...first,
        name,
        filters: to,
        kernel_size: [kernel, kernel],
        strides: [2, 2],
        padding: 'valid',
        data_format: 'channels_last',
        activation,
        use_bias: true,
      };
      layers.push({ class_name: 'Conv2D', config });
      weight(
        `${name}/kernel`,
        [kernel, kernel, from, to],
        (y, x, c, o) => weights[((o * from + c) * kernel + y) * kernel + x],
      );
    } else {
      if (before.kernel > 1) layers.push({ class_name: 'Flatten', config: { name: 'flat' } });
      layers.push({ class_name: 'Dense', config: { name, units: to, activation, use_bias: true } });
      // Features of the map before are read position by position there, and channel by channel here.
      const [channels, pixels] = [before.to, before.made ** 2];
      weight(
        `${name}/kernel`,
        [from, to],
        (j, o) => weights[o * from + (j % channels) * pixels + Math.floor(j / channels)],
      );
    }
    weight(`${name}/bias`, [to], (o) => bias[o]);
  }
  const paths = ['group1-shard1of1.bin'];
  const modelTopology = {
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
    model_config: { class_name: 'Sequential', config: { name: 'fashion', layers } },
  };
  const json = { format: 'layers-model', modelTopology, weightsManifest: [{ paths, weights: specs }] };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
  writeFileSync(join(folder, paths[0]), new Uint8Array(Float32Array.from(values).buffer));
}
