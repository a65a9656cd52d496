/** The commands on a TensorFlow.js model do what they do on an ONNX model of the same weights. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeSmallFiles } from './small-files.js';
import { writeSmallLayersModel } from './small-layers-model.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
/** So wide that clusters of fc2 save more than the layers that sum them take. */
const WIDTHS = [96, 1200] as const;
writeSmallFiles(folder, WIDTHS);
writeSmallLayersModel(join(folder, 'web'), WIDTHS);

const MODELS = ['small.onnx', 'web/model.json'] as const;
/** Refits of tests take few inputs: they show that it works, not how well. */
const FEW = ['--calibration-samples', '100'];
const IDX = 'idx:images.idx,labels.idx';
/** float32 sums in another order move a column's error by this much at most. */
const DIGITS = 5;

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
});

test('evaluate measures the same accuracy', async () => {
  const [onnx, tfjs] = await both<{ top1: number; top5: number }>('evaluate', '--data', IDX);
  expect([tfjs.top1, tfjs.top5]).toEqual([onnx.top1, onnx.top5]);
});

test('sweep measures the same rows', async () => {
  interface Results {
    rows: { top1: number; relativeError: number }[];
  }
  // fc1 and fc3 are so small that they keep their columns in TensorFlow.js.
  const args = [
    '--data',
    IDX,
    '--layers',
    'fc2',
    '--ratios',
    '0.4,0.6',
    '--clusterers',
    'kmeans,spherical',
    '--out',
  ];
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
    '--layers',
    'fc2',
    ...FEW,
  );
  const tfjs = await spherizeJson<Compressed>(
    folder,
    'compress',
    MODELS[1],
    '-o',
    'web/small.json',
    '--ratio',
    '0.5',
    '--layers',
    'fc2',
    ...FEW,
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

test('a model in uint8 stays in uint8, is verified, and the JSON says what the rounding costs', async () => {
  const source = join(folder, 'web', 'model.json');
  const json = JSON.parse(readFileSync(source, 'utf8'));
  const values = new Float32Array(new Uint8Array(readFileSync(join(folder, 'web', 'weights.bin'))).buffer);
  const [min, scale] = [-2, 4 / 255];
  const quantization = { dtype: 'uint8', min, scale };
  for (const weight of json.weightsManifest[0].weights) weight.quantization = quantization;
  const target = join(folder, 'uint8');
  mkdirSync(target);
  const steps = Uint8Array.from(values, (value) =>
    Math.min(255, Math.max(0, Math.round((value - min) / scale))),
  );
  writeFileSync(join(target, 'weights.bin'), steps);
  writeFileSync(join(target, 'model.json'), JSON.stringify(json));
  const args = ['compress', 'uint8/model.json', '-o', 'uint8/small.json', '--ratio', '0.5', '--json', ...FEW];
  const { code, stdout } = await spherize(folder, ...args);
  expect(code).toBe(0);
  const found = JSON.parse(stdout) as {
    storage: { types: string[]; weightError: number };
    verified: { deviation: number; roundingDeviation: number };
  };
  expect(found.storage.types).toEqual(['uint8']);
  expect(found.storage.weightError).toBeGreaterThan(0);
  expect(found.storage.weightError).toBeLessThan(0.05);
  expect(found.verified.deviation).toBeLessThan(1e-4);
  expect(found.verified.roundingDeviation).toBeGreaterThan(found.verified.deviation);
  const { weights } = JSON.parse(readFileSync(join(target, 'small.json'), 'utf8')).weightsManifest[0];
  const floats = weights.filter(
    ({ name, dtype }: { name: string; dtype: string }) => dtype === 'float32' && /^(conv|fc\d)\//.test(name),
  );
  expect(floats.length).toBe(json.weightsManifest[0].weights.length);
  for (const weight of floats) expect(weight.quantization.dtype).toBe('uint8');
});
