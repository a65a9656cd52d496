/** Weights of which most are zero: files hold the others, and where they are. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { compressModel, generatedInputs, portableEngine } from '@spherize/core';
import { TensorProto_DataType as DataType, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import * as native from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { onnxBytes } from '../src/index.js';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { run } from './running.js';
import { RUNTIMES } from './runtimes.js';

const folder = await mkdtemp(join(tmpdir(), 'spherize-zeros-'));
afterAll(() => rm(folder, { recursive: true }));

const [INPUTS, OUTPUTS] = [200, 60];
const SIZE = INPUTS * OUTPUTS;

/** Every nth value, and the others zero. */
function pruned(every: number): Float32Array {
  return randomValues(SIZE, 1).map((value, at) => ((at * 7919) % every === 0 ? value : 0));
}

function product(weights: Float32Array, opset = 13): Uint8Array {
  const b = new ModelBuilder(opset);
  const made = b.node('MatMul', [
    b.input('x', [undefined, INPUTS]),
    b.weight('w', [INPUTS, OUTPUTS], weights),
  ]);
  b.node('MatMul', [b.node('Relu', [made]), b.weight('v', [OUTPUTS, 40], randomValues(2400, 2))], {}, ['y']);
  return b.output('y', [undefined, 40]).build();
}

const decode = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);
const scatters = (bytes: Uint8Array): number =>
  decode(bytes).graph!.node.filter(({ opType }) => opType === 'ScatterND').length;
const VALUES = { x: { shape: [3, INPUTS], data: randomValues(3 * INPUTS, 5) } };

describe.each(['int8', 'int16', 'float16'] as const)('%s', (type) => {
  const written = (every: number): Uint8Array =>
    onnxBytes(onnxModel(product(pruned(every))).storage!.store(type).model);

  test('zeros are left out where that takes a quarter less, and only of those tensors', () => {
    expect(scatters(written(10))).toBe(1);
    expect(scatters(written(1))).toBe(0);
    const bytes = type === 'int8' ? 1 : 2;
    const dense = written(1).length;
    expect(written(10).length).toBeLessThan(dense - SIZE * bytes + (SIZE / 10) * (1 + bytes) + 1000);
  });

  test.each(RUNTIMES)('what is left computes the same on $runtime', async ({ onnxModel: open }) => {
    const { model, floats } = onnxModel(product(pruned(10))).storage!.store(type);
    const expected = await run(open(onnxBytes(floats)), VALUES);
    expect(await run(open(onnxBytes(model)), VALUES)).toEqual(expected);
  });

  test('places that are far apart, and the first and the last, are found again', async () => {
    for (const places of [[0], [SIZE - 1], [255], [256, 511], [0, 3, 259, 1000, 1511, SIZE - 1], [510]]) {
      const weights = new Float32Array(SIZE);
      for (const at of places) weights[at] = 0.5;
      const { model, floats } = onnxModel(product(weights)).storage!.store(type);
      expect(scatters(onnxBytes(model))).toBe(1);
      const again = onnxModel(onnxBytes(model)).storage!.store('float32').model;
      const found = again.features!.weights('w').weights.data;
      expect(found).toEqual(floats.features!.weights('w').weights.data);
      expect(found.filter((value) => value !== 0)).toHaveLength(places.length);
      expect(await run(onnxModel(onnxBytes(model)), VALUES)).toEqual(await run(floats, VALUES));
    }
  });

  test('the file is read as weights, and written back to the bit', () => {
    const bytes = written(10);
    const again = onnxModel(bytes);
    expect(onnxBytes(again)).toBe(bytes);
    expect(again.layers.map(({ name }) => name)).toEqual(['w', 'v']);
    const { model, report } = again.storage!.store(type);
    expect(report).toMatchObject({ error: 0, tensors: 2 });
    expect(onnxBytes(model)).toEqual(bytes);
  });

  test('nothing but floats is left once the runtime has loaded it', async () => {
    const optimizedModelFilePath = join(folder, `optimised-${type}.onnx`);
    const session = await native.InferenceSession.create(written(10), {
      optimizedModelFilePath,
      graphOptimizationLevel: 'basic',
      logSeverityLevel: 4,
    });
    await session.release();
    const { node } = decode(await readFile(optimizedModelFilePath)).graph!;
    expect(node.map(({ opType }) => opType)).toEqual(['MatMul', 'Relu', 'MatMul']);
  });
});

test('weights that are only zeros, and those of files too old for the nodes, stay whole', () => {
  expect(scatters(onnxBytes(onnxModel(product(new Float32Array(SIZE))).storage!.store('int8').model))).toBe(
    0,
  );
  expect(scatters(onnxBytes(onnxModel(product(pruned(10), 10)).storage!.store('int8').model))).toBe(0);
  expect(onnxModel(product(pruned(10), 10)).storage!.withoutZeros!('int8').size).toBe(0);
});

test('a model says which layers lose their zeros, and to what share of their bytes', () => {
  const { storage } = onnxModel(product(pruned(10)));
  const share = storage!.withoutZeros!('int8');
  expect([...share.keys()]).toEqual(['w']);
  expect(share.get('w')).toBeGreaterThan(0.2);
  expect(share.get('w')).toBeLessThan(0.25);
  expect(storage!.withoutZeros!('float16').get('w')).toBeLessThan(0.2);
  expect(storage!.withoutZeros!('float32').size).toBe(0);
  expect(storage!.rowLayers).toEqual(['v']);
});

test('zeros stay zeros where the others are rounded by what the layers read', async () => {
  const model = onnxModel(product(pruned(10)));
  const made = generatedInputs(model.inputs, { samples: 100, seed: 3 });
  const { model: stored, storage } = await compressModel(model, {
    reduce: 'none',
    storage: 'int8',
    engine: portableEngine,
    calibration: { ...made, name: 'recorded' },
  });
  expect(storage).toMatchObject({ rounding: 'recorded', proof: { deviation: 0 } });
  expect(scatters(onnxBytes(stored))).toBe(1);
  const before = model.features!.weights('w').weights.data;
  expect(
    stored.features!.weights('w').weights.data.every((value, at) => before[at] !== 0 || value === 0),
  ).toBe(true);
});

test('a size that no model has is left to the nodes', () => {
  const claims = decode(onnxBytes(onnxModel(product(pruned(10))).storage!.store('int8').model));
  const named = (end: string) => claims.graph!.initializer.find(({ name }) => name.endsWith(end))!;
  const lengths = BigInt64Array.of(2n ** 30n, 2n ** 20n);
  named('_shape').rawData = new Uint8Array(lengths.buffer);
  named('_size').rawData = new Uint8Array(BigInt64Array.of(2n ** 50n).buffer);
  const model = onnxModel(toBinary(ModelProtoSchema, claims));
  expect(model.layers.map(({ name }) => name)).not.toContain('w');
});

test('nodes like them that do something else are left as they are', async () => {
  const bytes = onnxBytes(onnxModel(product(pruned(10))).storage!.store('int8').model);
  const changed = decode(bytes);
  const zero = changed.graph!.initializer.find(({ name }) => name.endsWith('_zero'))!;
  zero.rawData = Uint8Array.of(3);
  const model = onnxModel(toBinary(ModelProtoSchema, changed));
  expect(model.layers.map(({ name }) => name)).not.toContain('w');
  expect(zero.dataType).toBe(DataType.INT8);
  await run(model, VALUES);
});
