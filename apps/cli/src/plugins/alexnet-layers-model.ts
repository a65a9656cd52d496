/** The embedded AlexNet as a LayersModel of TensorFlow.js, of the same weights. */
import { readFile } from 'node:fs/promises';
import { type FloatTensor, onnxTensors } from '@spherize/adapters-onnx';
import { tfjsFormat, tfjsModel } from '@spherize/adapters-tfjs/node';
import { denseMatrix, type Model, transpose } from '@spherize/core';
import { embeddedModelPath } from '../embedded/embedded-model.js';
import { nameRuntime, type OpenModel } from '../plugins/model-formats.js';

const NAME = 'alexnet-fashion';
const CLASSES = 10;

/** The layer plan: see the README of `@spherize/alexnet-fashion`. */
const CONVOLUTIONS = [
  { name: 'conv1', size: 5, pooled: true },
  { name: 'conv2', size: 5, pooled: true },
  { name: 'conv3', size: 3, pooled: false },
  { name: 'conv4', size: 3, pooled: false },
  { name: 'conv5', size: 3, pooled: false },
];
const FULLY_CONNECTED = ['fc6', 'fc7', 'fc8'];

type Config = Readonly<Record<string, unknown>>;
type Artifacts = Parameters<typeof tfjsModel>[0];

/** Reads the embedded ONNX file and builds the LayersModel in memory. */
export async function openEmbeddedLayersModel(): Promise<OpenModel> {
  const path = await embeddedModelPath(NAME);
  const bytes = await readFile(path);
  const model = await alexnetLayersModel(bytes);
  await nameRuntime(tfjsFormat);
  return { source: NAME, path, format: tfjsFormat, model, bytes: bytes.length, files: [path] };
}

/**
 * Images come channels last. The columns of fc6 keep the order that they have in the ONNX file, channel by channel, so a Permute
 * precedes the Flatten: whatever clusters the columns then finds the same clusters.
 *
 * @param bytes the embedded ONNX file
 */
export async function alexnetLayersModel(bytes: Uint8Array): Promise<Model> {
  const tensors = onnxTensors(bytes);
  const tensor = (name: string): FloatTensor => tensors.get(name)!;
  const layers: { class_name: string; config: Config }[] = [];
  const weightSpecs: { name: string; shape: number[]; dtype: 'float32' }[] = [];
  const weightData: ArrayBuffer[] = [];
  const add = (className: string, name: string, config: Config): void => {
    layers.push({ class_name: className, config: { name, trainable: true, dtype: 'float32', ...config } });
  };
  const weight = (name: string, shape: readonly number[], values: Float32Array): void => {
    weightSpecs.push({ name, shape: [...shape], dtype: 'float32' });
    weightData.push(values.slice().buffer);
  };

  const [mean, std] = ['constant_out', 'constant_2_out'].map((name) => tensor(name).data[0]!) as [
    number,
    number,
  ];
  add('Rescaling', 'normalise', {
    batch_input_shape: [null, 28, 28, 1],
    scale: 1 / std,
    offset: -mean / std,
  });
  for (const { name, size, pooled } of CONVOLUTIONS) {
    const kernel = tensor(`${name}.weight`);
    add('Conv2D', name, {
      filters: kernel.shape[0],
      kernel_size: [size, size],
      strides: [1, 1],
      padding: 'same',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      activation: 'relu',
      use_bias: true,
    });
    const channelsLast = filtersLast(kernel);
    weight(`${name}/kernel`, channelsLast.shape, channelsLast.data);
    weight(`${name}/bias`, [kernel.shape[0]!], tensor(`${name}.bias`).data);
    if (!pooled) continue;
    add('MaxPooling2D', `pool_${name}`, {
      pool_size: [3, 3],
      strides: [2, 2],
      padding: 'valid',
      data_format: 'channels_last',
    });
  }
  add('Permute', 'channels_first', { dims: [3, 1, 2] });
  add('Flatten', 'flatten', {});
  for (const name of FULLY_CONNECTED) {
    const { shape, data } = tensor(`${name}.weight`);
    const [outputs, inputs] = shape as [number, number];
    const activation = outputs === CLASSES ? 'linear' : 'relu';
    add('Dense', name, { units: outputs, activation, use_bias: true });
    weight(`${name}/kernel`, [inputs, outputs], transpose(denseMatrix(outputs, inputs, data)).data);
    weight(`${name}/bias`, [outputs], tensor(`${name}.bias`).data);
  }
  const artifacts: Artifacts = {
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'alexnet_fashion', layers },
      keras_version: '2.15.0',
      backend: 'tensorflow',
    },
    format: 'layers-model',
    generatedBy: 'Spherize',
    convertedBy: null,
    weightSpecs,
    weightData,
  };
  return tfjsModel(artifacts);
}

/** Filters of shape `[filters, channels, height, width]` as `[height, width, channels, filters]`. */
function filtersLast({ shape, data }: FloatTensor): FloatTensor {
  const [filters, channels, height, width] = shape as [number, number, number, number];
  const result = new Float32Array(data.length);
  let from = 0;
  for (let f = 0; f < filters; f++) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          result[((y * width + x) * channels + c) * filters + f] = data[from++]!;
        }
      }
    }
  }
  return { shape: [height, width, channels, filters], data: result };
}
