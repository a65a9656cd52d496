/** The small model for the command's tests once more, for TensorFlow.js. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxTensors } from '@spherize/adapters-onnx';
import { type SmallWidths, smallModel } from './small-files.js';

/** `smallModel()` as a Sequential model whose Flatten keeps the order of the channels. */
export function writeSmallLayersModel(target: string, widths?: SmallWidths): void {
  mkdirSync(target);
  const tensors = onnxTensors(smallModel(widths));
  const weights: { name: string; shape: number[]; dtype: string }[] = [];
  const values: Float32Array[] = [];
  const put = (name: string, shape: number[], data: Float32Array) => {
    weights.push({ name, shape, dtype: 'float32' });
    values.push(data);
  };
  /** Row-major `[rows, columns]` as `[columns, rows]`. */
  const transposed = (data: Float32Array, rows: number, columns: number) =>
    Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
  put('conv/kernel', [3, 3, 1, 4], transposed(tensors.get('conv.weight')!.data, 4, 9));
  put('conv/bias', [4], tensors.get('conv.bias')!.data);
  const dense = ['fc1', 'fc2', 'fc3'].map((name) => {
    const { shape, data } = tensors.get(`${name}.weight`)!;
    const [outputs, inputs] = shape as [number, number];
    put(`${name}/kernel`, [inputs, outputs], transposed(data, outputs, inputs));
    put(`${name}/bias`, [outputs], tensors.get(`${name}.bias`)!.data);
    const activation = name === 'fc3' ? 'linear' : 'relu';
    return { class_name: 'Dense', config: { name, units: outputs, activation, use_bias: true } };
  });
  const conv = {
    name: 'conv',
    filters: 4,
    kernel_size: [3, 3],
    padding: 'same',
    activation: 'relu',
    batch_input_shape: [null, 6, 6, 1],
  };
  const layers = [
    { class_name: 'Conv2D', config: conv },
    { class_name: 'Permute', config: { name: 'channels_first', dims: [3, 1, 2] } },
    { class_name: 'Flatten', config: { name: 'flatten' } },
    ...dense,
  ];
  const json = {
    format: 'layers-model',
    generatedBy: 'a test',
    modelTopology: { class_name: 'Sequential', config: { name: 'small', layers } },
    userDefinedMetadata: { classes: ['a', 'b'] },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  writeFileSync(
    join(target, 'weights.bin'),
    Buffer.concat(values.map((data) => new Uint8Array(data.buffer))),
  );
  writeFileSync(join(target, 'model.json'), JSON.stringify(json));
}
