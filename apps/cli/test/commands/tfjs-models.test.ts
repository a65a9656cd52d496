/** The commands on a TensorFlow.js model do what they do on an ONNX model of the same weights. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxTensors } from '@spherize/adapters-onnx';
import { expect, test } from 'vitest';
import { smallModel, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
mkdirSync(join(folder, 'web'));
writeLayersModel(join(folder, 'web'));

const MODELS = ['small.onnx', 'web/model.json'] as const;
const IDX = 'idx:images.idx,labels.idx';
/** float32 sums in another order move a column's error by this much at most. */
const DIGITS = 5;

/** `smallModel()` as a Sequential model whose Flatten keeps the order of the channels. */
function writeLayersModel(target: string): void {
  const tensors = onnxTensors(smallModel());
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

/** The same command on both models. */
async function both<T>(command: string, ...args: string[]): Promise<[T, T]> {
  const [onnx, tfjs] = MODELS;
  return [
    await spherizeJson<T>(folder, command, onnx, ...args),
    await spherizeJson<T>(folder, command, tfjs, ...args),
  ];
}

test('inspect finds the same layers', async () => {
  interface Found {
    layers: {
      name: string;
      outputs: number;
      inputs: number;
      sparsity: number;
      fold: { into: string | null; reason: string };
    }[];
  }
  const [onnx, tfjs] = await both<Found>('inspect');
  const figures = ({ layers }: Found) => layers.map(({ fold, ...layer }) => ({ ...layer, into: fold.into }));
  expect(figures(tfjs)).toEqual(figures(onnx));
  expect(tfjs.layers.map(({ name }) => name)).toEqual(['fc1', 'fc2', 'fc3']);
  // What is no layer of TensorFlow.js's own is named, where it is needed and nowhere else.
  const gathered = tfjs.layers.filter(({ fold }) => fold.reason.includes('SpherizeColumnGather'));
  expect(gathered.map(({ name }) => name)).toEqual(['fc1']);
});

test('evaluate measures the same accuracy', async () => {
  const [onnx, tfjs] = await both<{ top1: number; top5: number }>('evaluate', '--data', IDX);
  expect([tfjs.top1, tfjs.top5]).toEqual([onnx.top1, onnx.top5]);
});

test('sweep measures the same rows', async () => {
  interface Results {
    rows: { top1: number; relativeError: number }[];
  }
  const args = ['--data', IDX, '--ratios', '0.4,0.6', '--clusterers', 'kmeans,spherical', '--out'];
  const onnx = await spherizeJson<Results>(folder, 'sweep', MODELS[0], ...args, 'onnx-results');
  const tfjs = await spherizeJson<Results>(folder, 'sweep', MODELS[1], ...args, 'tfjs-results');
  expect(tfjs.rows.map(({ top1 }) => top1)).toEqual(onnx.rows.map(({ top1 }) => top1));
  tfjs.rows.forEach(({ relativeError }, i) => {
    expect(relativeError).toBeCloseTo(onnx.rows[i]!.relativeError, DIGITS);
  });
});

test('compress writes a model of shards and the original metadata, which bench and evaluate take', async () => {
  interface Compressed {
    bytesBefore: number;
    bytesAfter: number;
    layers: { name: string; clusters: number; folded: boolean; relativeError: number }[];
    verified: { deviation: number };
  }
  const onnx = await spherizeJson<Compressed>(
    folder,
    'compress',
    MODELS[0],
    '-o',
    'c.onnx',
    '--ratio',
    '0.5',
  );
  const tfjs = await spherizeJson<Compressed>(
    folder,
    'compress',
    MODELS[1],
    '-o',
    'web/small.json',
    '--ratio',
    '0.5',
  );
  tfjs.layers.forEach(({ name, clusters, folded, relativeError }, i) => {
    expect({ name, clusters, folded }).toEqual(
      (({ name, clusters, folded }) => ({ name, clusters, folded }))(onnx.layers[i]!),
    );
    expect(relativeError).toBeCloseTo(onnx.layers[i]!.relativeError, DIGITS);
  });
  expect(tfjs.verified.deviation).toBeLessThan(1e-5);
  expect(tfjs.bytesAfter).toBe(
    readdirSync(join(folder, 'web'))
      .filter((file) => file === 'small.json' || file.endsWith('.bin'))
      .filter((file) => file !== 'weights.bin')
      .reduce((sum, file) => sum + readFileSync(join(folder, 'web', file)).length, 0),
  );
  const written = JSON.parse(readFileSync(join(folder, 'web/small.json'), 'utf8'));
  expect(written).toMatchObject({ generatedBy: 'a test', userDefinedMetadata: { classes: ['a', 'b'] } });

  const evaluate = (model: string) =>
    spherizeJson<{ top1: number }>(folder, 'evaluate', model, '--data', IDX);
  expect((await evaluate('web/small.json')).top1).toBe((await evaluate('c.onnx')).top1);
  const bench = await spherizeJson<{ parameters: { before: number; after: number }; batches: unknown[] }>(
    folder,
    'bench',
    MODELS[1],
    'web/small.json',
    '--seconds',
    '0',
    '--batch',
    '1',
  );
  expect(bench.parameters.after).toBeLessThan(bench.parameters.before);
  expect(bench.batches).toHaveLength(1);
});

test('--verbose says what runs the model', async () => {
  const { code, stderr } = await spherize(folder, 'inspect', MODELS[1], '--verbose');
  expect(code).toBe(0);
  expect(stderr).toMatch(/^tfjs models run on (tensorflow|wasm|cpu)/);
});

test('the output has to be named as a TensorFlow.js model', async () => {
  const { code, stderr } = await spherize(folder, 'compress', MODELS[1], '-o', 'x.onnx', '--ratio', '0.5');
  expect([code, stderr]).toEqual([
    2,
    "spherize: output 'x.onnx' is not named as tfjs files are, which the input is: end it in .json\n",
  ]);
});
