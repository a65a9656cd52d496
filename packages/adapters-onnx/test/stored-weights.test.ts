/** Weights in files as floats of 16 bits or whole numbers: written, read again by the stock runtimes, and written back so. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  compressModel,
  generatedInputs,
  type Model,
  portableEngine,
  type RoundedWeights,
  type Tensor,
  type WeightType,
} from '@spherize/core';
import { outputFidelity } from '@spherize/core/evaluation';
import { TensorProto_DataType as DataType, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import * as native from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { writeWithExternalData } from '../src/file/write-model.js';
import { onnxBytes } from '../src/index.js';
import { onnxFormat, onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { run } from './running.js';
import { RUNTIMES } from './runtimes.js';

const folder = await mkdtemp(join(tmpdir(), 'spherize-stored-'));
afterAll(() => rm(folder, { recursive: true }));

const TYPES = ['float16', 'int16', 'int8'] as const;
/** Bytes of a weight, with room for scales, biases and nodes. */
const SHARE = { float16: 0.55, int16: 0.57, int8: 0.32 } as const;
/** `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²` that rounding of a few layers makes. */
const ERROR = { float16: 1e-5, int16: 1e-7, int8: 1e-2 } as const;

/** Filters, grouped ones, a matrix either way round, and a bias each. */
function network(): Uint8Array {
  const b = new ModelBuilder();
  let x = b.input('x', [undefined, 16, 6, 6]);
  x = b.node('Relu', [
    b.node('Conv', [x, b.weight('conv.weight', [32, 16, 3, 3]), b.weight('conv.bias', [32])]),
  ]);
  x = b.node('Relu', [b.node('Conv', [x, b.weight('grouped.weight', [64, 8, 2, 2])], { group: 4 })]);
  x = b.node('ConvTranspose', [x, b.weight('up.weight', [64, 16, 2, 2])]);
  // No sigmoid is saturated, and none is near its middle alone.
  x = b.node('Flatten', [b.node('Mul', [x, b.weight('scale', [1], Float32Array.of(1e-3))])]);
  x = b.node('Gemm', [x, b.weight('fc1.weight', [96, 256]), b.weight('fc1.bias', [96])], { transB: 1 });
  x = b.node('Sigmoid', [x]);
  b.node('Add', [b.node('MatMul', [x, b.weight('fc2.weight', [96, 40])]), b.weight('fc2.bias', [40])], {}, [
    'y',
  ]);
  return b.output('y', [undefined, 40]).build();
}

const IMAGES: Readonly<Record<string, Tensor>> = {
  x: { shape: [3, 16, 6, 6], data: randomValues(3 * 16 * 36, 5) },
};
const decode = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);
const stored = (model: Model, storage: WeightType): Promise<{ model: Model }> =>
  compressModel(model, { reduce: 'none', storage, calibration: 'none', engine: portableEngine });

describe.each(TYPES)('weights as %s', (type) => {
  test('take fewer bytes, the same in every run, and the outputs stay close', async () => {
    const bytes = network();
    const model = onnxModel(bytes);
    const result = await compressModel(model, { reduce: 'none', storage: type, calibration: 'none' });
    const written = onnxBytes(result.model);
    expect(written.length / bytes.length).toBeLessThan(SHARE[type]);
    expect(onnxBytes((await stored(onnxModel(bytes), type)).model)).toEqual(written);
    expect(result.storage).toMatchObject({
      type,
      tensors: 5,
      kept: [],
      proof: { against: 'rounded weights' },
    });
    const inputs = {
      name: 'images',
      samples: 3,
      async *batches() {
        yield IMAGES;
      },
    };
    const { outputError } = await outputFidelity(model, result.model, inputs);
    expect(outputError).toBeGreaterThan(0);
    expect(outputError).toBeLessThan(ERROR[type]);
  });

  test.each(RUNTIMES)('compute on $runtime what their floats do', async ({ onnxModel: open }) => {
    const { model, floats } = onnxModel(network()).storage!.store(type);
    const expected = await run(open(onnxBytes(floats)), IMAGES);
    expect(await run(open(onnxBytes(model)), IMAGES)).toEqual(expected);
  });

  test('are floats again once the runtime has loaded them', async () => {
    const { model } = await stored(onnxModel(network()), type);
    const optimizedModelFilePath = join(folder, `optimised-${type}.onnx`);
    const session = await native.InferenceSession.create(onnxBytes(model), {
      optimizedModelFilePath,
      graphOptimizationLevel: 'basic',
      logSeverityLevel: 4,
    });
    await session.release();
    const { node, initializer } = decode(await readFile(optimizedModelFilePath)).graph!;
    expect(node.map(({ opType }) => opType)).not.toContain('Cast');
    expect(
      new Set(initializer.filter(({ dims }) => dims.length > 1).map(({ dataType }) => dataType)),
    ).toEqual(new Set([DataType.FLOAT]));
  });

  test('are read as weights, and written back to the bit', async () => {
    const { model, floats } = onnxModel(network()).storage!.store(type);
    const bytes = onnxBytes(model);
    const again = onnxModel(bytes);
    expect(onnxBytes(again)).toBe(bytes);
    expect(again.storage!.found).toBe(type);
    expect(again.notes).toEqual([`weights of 5 tensors are stored in fewer bits, most as ${type}`]);
    for (const { name } of floats.graph.layers)
      expect(again.features!.weights(name)).toEqual(floats.features!.weights(name));
    const { report, model: twice } = again.storage!.store(type);
    expect(report).toMatchObject({ error: 0, tensors: 5 });
    expect(onnxBytes(twice)).toEqual(bytes);
    expect(onnxBytes(onnxModel(onnxBytes(twice)).storage!.store('float32').model).length).toBeGreaterThan(
      network().length * 0.95,
    );
  });

  test('are reduced like others, and what is new is stored so too', async () => {
    const source = onnxModel(onnxBytes((await stored(onnxModel(network()), type)).model));
    const { model, storage } = await compressModel(source, { ratio: 0.5, engine: portableEngine });
    expect(storage).toMatchObject({ type, tensors: 5 });
    expect(onnxBytes(model).length).toBeLessThan(onnxBytes(source).length);
    expect(onnxModel(onnxBytes(model)).storage!.found).toBe(type);
  });

  test('keep to files of their own where the values lay in one', async () => {
    const source = join(folder, `apart-${type}.onnx`);
    const target = join(folder, `stored-${type}.onnx`);
    await writeWithExternalData(decode(network()), source);
    const { model } = await onnxFormat.read(source);
    await (await stored(model, type)).model.write(target);
    const [before, after] = await Promise.all([stat(`${source}.data`), stat(`${target}.data`)]);
    // Values begin at pages.
    expect(after.size).toBeLessThan(before.size * SHARE[type] + 6 * 4096);
    const again = await onnxFormat.read(target);
    expect((await run(again.model, IMAGES)).y).toEqual(
      (await run((await stored(model, type)).model, IMAGES)).y,
    );
  });
});

/** A product with these weights `[64, 32]`. */
function product(weights: Float32Array, { opset = 13, irVersion = 7 } = {}): Uint8Array {
  const b = new ModelBuilder(opset, irVersion);
  b.node('MatMul', [b.input('x', [undefined, 64]), b.weight('w', [64, 32], weights)], {}, ['y']);
  return b.output('y', [undefined, 32]).build();
}

describe('what a type does not hold', () => {
  const values = randomValues(64 * 32, 3);
  const report = (own: Float32Array, type: WeightType) => onnxModel(product(own)).storage!.store(type).report;

  test('values beyond float16 leave the tensor as it is, with the reason', () => {
    const large = values.with(7, 1e5);
    expect(report(large, 'float16')).toMatchObject({
      tensors: 0,
      kept: [{ name: 'w', reason: 'has values too large for float16: stays float' }],
    });
    expect(report(large, 'int8').tensors).toBe(1);
  });

  test('so do values that float16 has no numbers for', () => {
    const small = values.map((value) => value * 1e-7);
    expect(report(small, 'float16').kept).toEqual([
      { name: 'w', reason: 'has values too small for float16: stays float' },
    ]);
    expect(report(small, 'int8')).toMatchObject({ tensors: 1, kept: [] });
    const denormal = values.map((value) => value * 1e-43);
    expect(report(denormal, 'int8').kept).toHaveLength(1);
  });

  test('a row of zeros stays zero', async () => {
    const zeros = values.map((value, i) => (i % 32 === 3 ? 0 : value));
    const { model, floats } = onnxModel(product(zeros)).storage!.store('int8');
    expect(floats.weights('w').data.subarray(3 * 64, 4 * 64)).toEqual(new Float32Array(64));
    const inputs = { x: { shape: [1, 64], data: randomValues(64, 1) } };
    expect((await run(model, inputs)).y!.data[3]).toBe(0);
  });

  test('an operator set without such nodes is refused', () => {
    expect(() => onnxModel(product(values, { opset: 6 })).storage!.store('int8')).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('operator set 6') }),
    );
  });
});

test('a tensor that several nodes read is stored once, and one of a Constant node too', async () => {
  const b = new ModelBuilder();
  const shared = b.weight('shared', [64, 64]);
  const once = b.node('Tanh', [b.node('MatMul', [b.input('x', [undefined, 64]), shared])]);
  const twice = b.node('MatMul', [once, shared]);
  b.node('MatMul', [twice, b.constant('held', [64, 32], randomValues(64 * 32, 9))], {}, ['y']);
  const bytes = b.output('y', [undefined, 32]).build();
  const { model, floats, report } = onnxModel(bytes).storage!.store('int8');
  expect(report).toMatchObject({ tensors: 2, values: 64 * 64 + 64 * 32 });
  const written = onnxBytes(model);
  expect(written.length / bytes.length).toBeLessThan(0.35);
  const inputs = { x: { shape: [2, 64], data: randomValues(128, 1) } };
  expect((await run(onnxModel(written), inputs)).y).toEqual((await run(floats, inputs)).y);
});

test('an old file that lists its initializers as inputs lists those that it has now', async () => {
  const { model, floats } = onnxModel(product(randomValues(2048, 4), { irVersion: 3 })).storage!.store(
    'int8',
  );
  const { graph } = decode(onnxBytes(model));
  expect(graph!.input.map(({ name }) => name)).toEqual(['x', ...graph!.initializer.map(({ name }) => name)]);
  const inputs = { x: { shape: [1, 64], data: randomValues(64, 1) } };
  const again = onnxModel(onnxBytes(model));
  expect(again.inputs.map(({ name }) => name)).toEqual(['x']);
  expect((await run(again, inputs)).y).toEqual((await run(floats, inputs)).y);
});

test('an embedding has a scale for each entry', () => {
  const b = new ModelBuilder();
  const table = randomValues(40 * 64, 2).map((value, i) => value * 10 ** (Math.floor(i / 64) % 4));
  const ids = b.input('ids', [undefined], DataType.INT64);
  b.node('Gather', [b.weight('table', [40, 64], table), ids], {}, ['y']);
  const { model } = onnxModel(b.output('y', [undefined, 64]).build()).storage!.store('int8');
  const scale = decode(onnxBytes(model)).graph!.initializer.find(({ name }) => name === 'table_scale')!;
  expect(scale.dims).toEqual([40n, 1n]);
});

test('weights within branches stay, and are named', () => {
  const b = new ModelBuilder();
  const x = b.input('x', [undefined, 64]);
  const branch = (name: string) => {
    const inner = new ModelBuilder();
    inner.node('MatMul', [x, inner.weight(name, [64, 32])], {}, [`${name}_y`]);
    return { graph: inner.output(`${name}_y`, [undefined, 32]).graph() };
  };
  const yes = b.input('yes', [], DataType.BOOL);
  b.node('If', [yes], { then_branch: branch('a'), else_branch: branch('b') }, ['y'], 'choice');
  const { report } = onnxModel(b.output('y', [undefined, 32]).build()).storage!.store('int8');
  expect(report.kept).toEqual(['a', 'b'].map((name) => ({ name, reason: 'lies within If choice' })));
});

test('doubles and halves compute as before', async () => {
  const b = new ModelBuilder();
  const x = b.node('Cast', [b.input('x', [undefined, 64])], { to: DataType.DOUBLE });
  const y = b.node('MatMul', [x, b.weight('w', [64, 32], undefined, DataType.DOUBLE)]);
  b.node('Cast', [y], { to: DataType.FLOAT }, ['y']);
  const bytes = b.output('y', [undefined, 32]).build();
  const { model, floats } = onnxModel(bytes).storage!.store('int8');
  const written = onnxBytes(model);
  expect(written.length / bytes.length).toBeLessThan(0.2);
  const inputs = { x: { shape: [2, 64], data: randomValues(128, 1) } };
  const again = onnxModel(written);
  expect(again.storage!.found).toBe('int8');
  expect((await run(again, inputs)).y).toEqual((await run(floats, inputs)).y);
});

describe('rounding by what layers read', () => {
  test('keeps the outputs closer than rounding to the nearest', async () => {
    const model = onnxModel(network());
    const [input] = model.inputs;
    const made = generatedInputs([{ ...input!, shape: [undefined, 16, 6, 6] }], { samples: 200, seed: 3 });
    // Made-up inputs are for refits alone.
    const inputs = { ...made, name: 'recorded' };
    const unseen = generatedInputs([{ ...input!, shape: [undefined, 16, 6, 6] }], { samples: 50, seed: 4 });
    const options = { reduce: 'none', storage: 'int8', engine: portableEngine } as const;
    const nearest = await compressModel(model, { ...options, calibration: 'none' });
    const chosen = await compressModel(model, { ...options, calibration: inputs });
    expect(nearest.storage!.rounding).toBeUndefined();
    expect(chosen.storage).toMatchObject({ rounding: inputs.name, proof: { against: 'rounded weights' } });
    // Each weight is farther from what it was, the outputs are nearer.
    expect(chosen.storage!.error).toBeGreaterThan(nearest.storage!.error);
    const errorOf = async (own: Model): Promise<number> =>
      (await outputFidelity(model, own, unseen)).outputError!;
    expect(await errorOf(chosen.model)).toBeLessThan(0.7 * (await errorOf(nearest.model)));
    const again = await compressModel(model, { ...options, calibration: inputs });
    expect(onnxBytes(again.model)).toEqual(onnxBytes(chosen.model));
  });

  test('steps that are chosen are those that are written, whatever way a tensor lies', () => {
    const model = onnxModel(network());
    const layers = model.storage!.rowLayers!;
    expect(layers).toEqual(['conv', 'grouped', 'up', 'fc1', 'fc2']);
    const rounded = new Map(
      layers.map((name): [string, RoundedWeights] => {
        const { data } = model.features!.weights(name).weights;
        const { outputs } = model.graph.layers.find((layer) => layer.name === name)!;
        const scales = Float32Array.from({ length: outputs }, (_, o) => 2 ** -(5 + (o % 2)));
        const each = data.length / outputs;
        return [
          name,
          { scales, steps: Int8Array.from(data, (value, i) => value / scales[Math.floor(i / each)]!) },
        ];
      }),
    );
    const { floats } = model.storage!.store('int8', rounded);
    for (const [name, { steps, scales }] of rounded) {
      const { data } = floats.features!.weights(name).weights;
      const each = data.length / scales.length;
      expect(data).toEqual(Float32Array.from(steps, (step, i) => step * scales[Math.floor(i / each)]!));
    }
    expect(floats.parameters).toBe(model.parameters);
  });
});

test('no weights are taken for stored ones that are outputs, or read before they are floats', () => {
  const b = new ModelBuilder();
  const half = b.weight('half', [64, 32], undefined, DataType.FLOAT16);
  const floats = b.node('Cast', [half], { to: DataType.FLOAT }, ['floats']);
  b.node('MatMul', [b.input('x', [undefined, 64]), floats], {}, ['y']);
  const bytes = b.output('y', [undefined, 32]).output('floats', [64, 32]).build();
  const model = onnxModel(bytes);
  expect(model.storage!.found).toBeUndefined();
  expect(model.storage!.store('float16').report.tensors).toBe(0);
});
