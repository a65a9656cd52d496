/** core's proof on models of many types, run by onnxruntime. */
import {
  compressModel,
  denseMatrix,
  InputError,
  type Model,
  type ModelSession,
  portableEngine,
  spherical,
} from '@spherize/core';
import {
  type Compression,
  compareModels,
  largestDeviation,
  ProofError,
  randomInputs,
  SUMMATION_TOLERANCE,
  verifyRewrite,
  widestReach,
} from '@spherize/core/proof';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { modelWithTwoInputs, smallModel } from './small-models.js';

/** Element types in ONNX's numbering. */
const DataType = { FLOAT: 1, INT64: 7, FLOAT16: 10 };
const SEED = { seed: 0 };
const compress = (model: Model, ratio: number, sparsity = 0): Promise<Compression> =>
  compressModel(model, { clusterer: spherical, engine: portableEngine, ratio, sparsity, prove: false });

/** The model with the columns of a layer in the opposite order. */
function reordered(model: Model, layer: string): Model {
  const { rows, cols, data } = model.weights(layer);
  const weights = denseMatrix(rows, cols);
  for (let i = 0; i < rows; i++) {
    weights.data.set(data.slice(i * cols, (i + 1) * cols).reverse(), i * cols);
  }
  return model.rewrite({
    layers: [{ layer, weights, bias: model.bias(layer) ?? null, input: null }],
    features: [],
  });
}

describe('what it compares with', () => {
  test.each([
    ['the original where nothing is merged', 0, 0, 'original'],
    ['the explicit form where columns are merged', 0.5, 0, 'explicit form'],
    ['the explicit form where weights are pruned', 0, 0.5, 'explicit form'],
  ])('%s', async (_, ratio, sparsity, against) => {
    const model = onnxModel(smallModel());
    const found = await verifyRewrite(model, await compress(model, ratio, sparsity), SEED);
    expect(found).toEqual({ deviation: expect.any(Number), against });
    expect(found.deviation).toBeLessThan(SUMMATION_TOLERANCE);
  });

  test('the explicit form where what is merged is nothing beside one huge column', async () => {
    const b = new ModelBuilder();
    const x = b.node('Gemm', [b.input('x', [undefined, 6]), b.weight('fc1.weight', [8, 6])], { transB: 1 });
    const last = randomValues(3 * 8, 2);
    for (let i = 0; i < 3; i++) last[i * 8 + 5] = 1e30;
    b.node('Gemm', [b.node('Relu', [x]), b.weight('fc2.weight', [3, 8], last)], { transB: 1 }, ['y']);
    const model = onnxModel(b.output('y', [undefined, 3]).build());
    const compression = await compress(model, 0.3);
    expect(compression.layers[1]!.relativeError).toBeLessThan(1e-9);
    expect(await verifyRewrite(model, compression, SEED)).toMatchObject({ against: 'explicit form' });
  });

  test('all inputs are generated', async () => {
    const model = onnxModel(modelWithTwoInputs());
    expect(await verifyRewrite(model, await compress(model, 0.5), SEED)).toMatchObject({
      against: 'explicit form',
    });
  });
});

describe('an original that computes infinity in its second output of two', () => {
  const b = new ModelBuilder();
  const positive = b.node('Abs', [b.input('x', [undefined, 2])]);
  b.node('Exp', [b.node('MatMul', [positive, b.weight('fc', [2, 2], Float32Array.of(1, 999, 1, 999))])], {}, [
    'y',
  ]);
  const original = onnxModel(b.output('y', [undefined, 2]).build());
  const withRows = async (...rows: number[]): Promise<Compression> => {
    const layer = {
      layer: 'fc',
      weights: denseMatrix(2, 2, Float32Array.from(rows)),
      bias: null,
      input: null,
    };
    return { ...(await compress(original, 0)), model: original.rewrite({ layers: [layer], features: [] }) };
  };

  test('is kept by what computes the same', async () => {
    expect((await verifyRewrite(original, await compress(original, 0), SEED)).deviation).toBeLessThan(1e-4);
  });

  test('is wrong input where a rewritten model computes something else there', async () => {
    await expect(verifyRewrite(original, await withRows(1, 1, 0, 0), SEED)).rejects.toThrow(
      new InputError(
        'BAD_FILE',
        "the model computes Infinity in output 'y' on generated inputs, which compression cannot keep: " +
          'look for weights that are too large, or export the model again',
      ),
    );
  });

  test('excuses nothing in the first output', async () => {
    await expect(verifyRewrite(original, await withRows(2, 1, 0, 0), SEED)).rejects.toThrow(
      /^the rewritten model deviates from the original by Infinity/,
    );
  });
});

test('an original on the brink of infinity is wrong input where a rewritten model goes over it', async () => {
  const b = new ModelBuilder();
  const none = b.node('Mul', [b.input('x', [undefined, 2]), b.weight('zero', [], Float32Array.of(0))]);
  const ones = b.node('Add', [none, b.weight('one', [], Float32Array.of(1))]);
  b.node('MatMul', [ones, b.weight('fc', [2, 1], Float32Array.of(3e38, 1e30))], {}, ['y']);
  const original = onnxModel(b.output('y', [undefined, 1]).build());
  const withWeights = async (...row: number[]): Promise<Compression> => {
    const layer = {
      layer: 'fc',
      weights: denseMatrix(1, 2, Float32Array.from(row)),
      bias: null,
      input: null,
    };
    return { ...(await compress(original, 0)), model: original.rewrite({ layers: [layer], features: [] }) };
  };
  await expect(verifyRewrite(original, await withWeights(3e38, 3e38), SEED)).rejects.toThrow(
    /^the model computes 3\.\d*e\+38 in output 'y' on generated inputs, which compression cannot keep/,
  );
  await expect(verifyRewrite(original, await withWeights(1e38, 1e30), SEED)).rejects.toThrow(
    /^the rewritten model deviates from the original/,
  );
});

describe.each([0, 0.5])('a wrong rewrite at ρ = %d', (ratio) => {
  test.each(['fc1', 'fc2', 'fc3'])('in %s is refused', async (layer) => {
    const model = onnxModel(smallModel());
    const compression = await compress(model, ratio);
    const wrong = { ...compression, model: reordered(compression.model, layer) };
    await expect(verifyRewrite(model, wrong, SEED)).rejects.toThrow(
      /^the rewritten model deviates from the (original|explicit form) by \S+ of the largest output, more than the 1\.0e-4 that rounding explains; please report this model$/,
    );
  });

  test('that does not run is refused', async () => {
    const model = onnxModel(smallModel());
    const compression = await compress(model, ratio);
    const broken: Model = Object.create(compression.model, {
      session: { value: () => Promise.reject(new Error('no such operator')) },
    });
    await expect(verifyRewrite(model, { ...compression, model: broken }, SEED)).rejects.toThrow(
      'the rewritten model does not run: no such operator',
    );
  });
});

test('a fault at a unit that is dead on all inputs above zero is found', async () => {
  const builder = new ModelBuilder();
  const first = Float32Array.from({ length: 24 }, (_, i) => (i < 6 ? -1 : Math.sin(i)));
  const hidden = builder.node('Relu', [
    builder.node('Gemm', [builder.input('x', [1, 6]), builder.weight('fc1.weight', [4, 6], first)], {
      transB: 1,
    }),
  ]);
  builder.node('Gemm', [hidden, builder.weight('fc2.weight', [3, 4])], { transB: 1 }, ['y']);
  const model = onnxModel(builder.output('y', [1, 3]).build());
  const compression = await compress(model, 0);
  const weights = compression.model.weights('fc2');
  const wrong = denseMatrix(
    3,
    4,
    weights.data.map((value, i) => (i % 4 === 0 ? -value : value)),
  );
  const layers = [{ layer: 'fc2', weights: wrong, bias: null, input: null }];
  const faulty = { ...compression, model: compression.model.rewrite({ layers, features: [] }) };
  await expect(verifyRewrite(model, faulty, SEED)).rejects.toThrow('deviates from the original');
  expect(await verifyRewrite(model, compression, SEED)).toMatchObject({ against: 'original' });
});

test('half precision: folded factors are rounded with the weights', async () => {
  const builder = new ModelBuilder();
  const { FLOAT16 } = DataType;
  let tensor = builder.input('x', [undefined, 20], FLOAT16);
  for (const [name, outputs, inputs] of [
    ['fc1', 16, 20],
    ['fc2', 8, 16],
  ] as const) {
    const weights = builder.weight(`${name}.weight`, [outputs, inputs], undefined, FLOAT16);
    tensor = builder.node('Gemm', [tensor, weights], { transB: 1 });
    tensor = builder.node('Relu', [tensor]);
  }
  builder.node('Identity', [tensor], {}, ['y']);
  const model = onnxModel(builder.output('y', [undefined, 8], FLOAT16).build());
  const { deviation } = await verifyRewrite(model, await compress(model, 0.5), SEED);
  expect(deviation).toBeGreaterThan(0);
});

describe('not verified', () => {
  const withOutput = (cut: number | undefined, type: number, operator: string): Model => {
    const builder = new ModelBuilder();
    const weights = builder.weight('fc.weight', [4, 6]);
    const scores = builder.node('Gemm', [builder.input('x', [undefined, cut]), weights], { transB: 1 });
    builder.node(operator, [scores], {}, ['y']);
    return onnxModel(builder.output('y', undefined, type).build());
  };

  test('when all outputs are whole numbers', async () => {
    const model = withOutput(6, DataType.INT64, 'ArgMax');
    expect(await verifyRewrite(model, await compress(model, 0.5), SEED)).toEqual({
      deviation: null,
      reason: 'all outputs are whole numbers',
    });
  });

  test('when the model does not repeat itself', async () => {
    const model = onnxModel(smallModel());
    let runs = 0;
    const session = async (): Promise<ModelSession> => {
      const { run, release } = await model.session();
      return {
        release,
        run: async (inputs) => {
          const outputs = await run(inputs);
          runs++;
          for (const { data } of Object.values(outputs)) data.set(data.map((value) => runs * value));
          return outputs;
        },
      };
    };
    const restless = new Proxy(model, {
      get: (target, name) => {
        const value = name === 'session' ? session : Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const rewritten = { ...(await compress(model, 0)), model: reordered(model, 'fc2') };
    expect(await verifyRewrite(restless, rewritten, SEED)).toEqual({
      deviation: null,
      reason: 'the model itself gives other outputs for the same inputs',
    });
  });

  test('when its outputs are rounding on generated inputs', async () => {
    // Behind 20,000, float32 has steps of a five-hundredth.
    const coarse = (values: Float32Array): Model => {
      const b = new ModelBuilder();
      const product = b.node('MatMul', [b.input('x', [undefined, 64]), b.weight('fc', [64, 2048], values)]);
      const much = b.weight('much', [1], Float32Array.of(2e4));
      b.node('Sub', [b.node('Add', [product, much]), much], {}, ['y']);
      return onnxModel(b.output('y', [undefined, 2048]).build());
    };
    const weights = randomValues(64 * 2048, 1);
    const model = coarse(weights);
    const original = { form: 'original', model: () => model } as const;
    const nearly = coarse(weights.map((value) => value * (1 + 1e-6)));
    expect(await compareModels(model, nearly, original)).toEqual({
      deviation: null,
      reason: expect.stringMatching(
        /^on generated inputs the outputs are rounding: a millionth more or less /,
      ),
    });
    const fault = coarse(weights.map((value, i) => (i % 64 === 0 ? -value : value)));
    await expect(compareModels(model, fault, original)).rejects.toThrow(ProofError);
  });

  test('when a free axis cannot have length 1', async () => {
    const model = withOutput(undefined, DataType.FLOAT, 'Relu');
    expect(await verifyRewrite(model, await compress(model, 0.5), SEED)).toEqual({
      deviation: null,
      reason: expect.stringContaining('the reference does not run on generated inputs: '),
    });
  });
});

test('generated inputs: seeded, whole numbers where they belong, free axes of length 1', () => {
  const inputs = [
    { name: 'image', shape: [undefined, 2, undefined] },
    { name: 'tokens', shape: [undefined, 5], type: 'int64' as const },
  ];
  const { image, tokens } = randomInputs(inputs, 3, 7);
  expect(randomInputs(inputs, 3, 7)).toEqual({ image, tokens });
  expect(randomInputs(inputs, 3, 8).image).not.toEqual(image);
  expect([image!.shape, tokens!.shape]).toEqual([
    [3, 2, 1],
    [3, 5],
  ]);
  expect(image!.data.every((value) => value >= 0 && value < 1)).toBe(true);
  const mixed = randomInputs(inputs, 3, 7, { isNormal: (sample) => sample === 1, reach: 'bit' });
  const below = Array.from({ length: 50 }, (_, seed) =>
    randomInputs(inputs, 3, seed, { isNormal: (sample) => sample === 1 }).image!.data.map((value) =>
      Number(value < 0),
    ),
  );
  expect(below[0]!.map((_, i) => Math.max(...below.map((flags) => flags[i]!)))).toEqual(
    Float32Array.of(0, 0, 1, 1, 0, 0),
  );
  expect([...new Set(mixed.tokens!.data)].sort()).toEqual([0, 1]);
});

test.each([
  ['uint8', 0, 255],
  ['int8', -128, 127],
  ['uint16', 0, 65535],
  ['int16', -32768, 32767],
  ['bool', 0, 1],
  ['int32', 0, 255],
  ['int64', 0, 255],
] as const)('generated inputs of type %s are spread over %d … %d', (type, least, most) => {
  const { x } = randomInputs([{ name: 'x', shape: [undefined, 5000], type }], 1, 7);
  const values = [...x!.data];
  const near = (most - least) / 100;
  expect(values.every((value) => Number.isInteger(value) && value >= least && value <= most)).toBe(true);
  expect(Math.min(...values)).toBeLessThanOrEqual(least + near);
  expect(Math.max(...values)).toBeGreaterThanOrEqual(most - near);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  expect((mean - least) / (most - least)).toBeCloseTo(0.5, 1);
});

test.each([256, 2])('tokens are spread over a table of %d entries', async (entries) => {
  const b = new ModelBuilder();
  const tokens = b.input('tokens', [undefined, 3], DataType.INT64);
  const flat = b.node('Flatten', [b.node('Gather', [b.weight('table', [entries, 4]), tokens])], { axis: 1 });
  b.node('MatMul', [flat, b.weight('fc.weight', [12, 3])], {}, ['y']);
  const model = onnxModel(b.output('y', [undefined, 3]).build());
  expect(await widestReach(model, 0)).toBe('type');
  const words = new Set(randomInputs(model.inputs, 2000, 0).tokens!.data);
  expect([words.size, Math.max(...words)]).toEqual([entries, entries - 1]);
  const { deviation } = await verifyRewrite(model, await compress(model, 0.5), SEED);
  expect(deviation).toBeLessThan(SUMMATION_TOLERANCE);
});

test('the proof of a uint8 model sees what only large pixels show', async () => {
  const b = new ModelBuilder();
  const pixels = b.input('pixels', [undefined, 16], 2);
  const above = b.node('Sub', [
    b.node('Cast', [pixels], { to: 1 }),
    b.constant('c', [1], Float32Array.of(200)),
  ]);
  const hidden = b.node('MatMul', [b.node('Relu', [above]), b.weight('fc2.weight', [16, 8])]);
  b.node('Relu', [hidden], {}, ['y']);
  const model = onnxModel(b.output('y', [undefined, 8]).build());
  const wrong = { ...(await compress(model, 0)), model: reordered(model, 'fc2') };
  await expect(verifyRewrite(model, wrong, SEED)).rejects.toThrow('deviates from the original');
});

describe('the largest deviation', () => {
  const tensor = (...values: number[]) => [{ shape: [values.length], data: Float32Array.from(values) }];

  test.each([
    ['is relative to the largest value', tensor(1, 2, -4), tensor(1, 3, -4), 0.25],
    ['counts what is equal beside it', tensor(0, 8), tensor(1, 8), 0.125],
    [
      'is zero for equal values, numbers or not',
      tensor(0, Number.NaN, Infinity),
      tensor(0, Number.NaN, Infinity),
      0,
    ],
    ['is infinite where one is no number', tensor(Number.NaN, 1), tensor(0, 1), Infinity],
    ['is infinite for another shape', tensor(1, 2), tensor(1), Infinity],
    ['is infinite where zeros are expected', tensor(1), tensor(0), Infinity],
  ])('%s', (_, actual, expected, deviation) => {
    expect(largestDeviation(actual, expected)).toBe(deviation);
  });
});
