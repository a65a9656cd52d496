import { describe, expect, test } from 'vitest';
import {
  type CompressModelOptions,
  compressModel,
  InputError,
  type MatrixEngine,
  type Model,
  type Progress,
  portableEngine,
  rankOne,
} from '../../src/index.js';
import { ProofError } from '../../src/proof/index.js';
import { chain, INPUTS, outputsOf } from '../labelled-chain.js';
import { randomValues } from '../naive.js';

/** The chain with some of its methods replaced. */
function chainWith(own: Partial<Model>): Model {
  return new Proxy<Model>(chain, {
    get(target, name) {
      const value = Reflect.get(name in own ? own : target, name);
      return typeof value === 'function' && !(name in own) ? value.bind(target) : value;
    },
  });
}

test('a ratio is enough: rank-one clusters by the portable engine, and a proof', async () => {
  const { model, layers, proof } = await compressModel(chain, { ratio: 0.5 });
  const explicit = await compressModel(chain, {
    ratio: 0.5,
    clusterer: rankOne,
    engine: portableEngine,
    prove: false,
  });
  expect(await outputsOf(model)).toEqual(await outputsOf(explicit.model));
  expect(layers).toEqual(explicit.layers);
  expect(proof).toEqual({ deviation: expect.any(Number), against: 'explicit form' });
  expect(explicit.proof).toBeUndefined();
});

describe('ratios by layer', () => {
  test.each<readonly [string, CompressModelOptions['ratio']]>([
    ['a plain object', { fc3: 0.2, fc1: 0.75 }],
    [
      'a Map',
      new Map([
        ['fc3', 0.2],
        ['fc1', 0.75],
      ]),
    ],
  ])('%s', async (_, ratio) => {
    const { layers } = await compressModel(chain, { ratio });
    expect(layers.map(({ name, clusters }) => [name, clusters])).toEqual([
      ['fc1', 3],
      ['fc3', 16],
    ]);
  });
});

test("the engine of the model's format is taken, and released also after a failure", async () => {
  const events: string[] = [];
  const engine: MatrixEngine = {
    ...portableEngine,
    multiply: (a, b) => {
      if (!events.includes('multiply')) events.push('multiply');
      return portableEngine.multiply(a, b);
    },
    release: async () => void events.push('release'),
  };
  const model = chainWith({ engine: async () => engine });
  await compressModel(model, { ratio: 0.5 });
  expect(events).toEqual(['multiply', 'release']);
  const clusterer = { name: 'broken', cluster: () => Promise.reject(new Error('broken')) };
  await expect(compressModel(model, { ratio: 0.5, clusterer })).rejects.toThrow('broken');
  expect(events).toEqual(['multiply', 'release', 'release']);
  await compressModel(model, { ratio: 0.5, engine });
  expect(events).toEqual(['multiply', 'release', 'release']);
});

describe('refused', () => {
  test.each<readonly [string, object, string, string]>([
    [
      'an option misspelt',
      { ratio: 0.5, clusterers: rankOne },
      'UNKNOWN_NAME',
      "compressModel: unknown option 'clusterers': did you mean 'clusterer'?",
    ],
    [
      'an option like no other',
      { ratio: 0.5, temperature: 1 },
      'UNKNOWN_NAME',
      "compressModel: unknown option 'temperature', expected one of ratio, reduce, layers, ",
    ],
    [
      'no ratio',
      {},
      'BAD_ARGUMENT',
      'ratio: expected a number in [0, 1), or one for each of some layers, got nothing',
    ],
    [
      'a ratio as text',
      { ratio: '0.5' },
      'BAD_ARGUMENT',
      'ratio: expected a number in [0, 1), or one for each of some layers, got 0.5',
    ],
    [
      'an empty object',
      { ratio: {} },
      'BAD_ARGUMENT',
      'ratio: names no layer: give each layer to compress its ratio',
    ],
    [
      'text for a layer',
      { ratio: { fc1: '0.5' } },
      'BAD_ARGUMENT',
      "ratio: expected a number in [0, 1) for layer 'fc1', got 0.5",
    ],
  ])('%s', async (_, options, code, message) => {
    const error = await compressModel(chain, options as CompressModelOptions).catch(
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

test('a result that a format wrote wrongly is not returned', async () => {
  let rewrites = 0;
  // Only the first rewrite is wrong, so that the reference is right.
  const model = chainWith({
    rewrite: ({ layers, features }) =>
      chain.rewrite({
        features,
        layers:
          rewrites++ > 0
            ? layers
            : layers.map((layer) => ({ ...layer, bias: layer.bias?.map((value) => value + 1) ?? null })),
      }),
  });
  await expect(compressModel(model, { ratio: 0.5 })).rejects.toThrow(ProofError);
});

test('a model that its runtime refuses is wrong input before anything is clustered', async () => {
  const clusterer = { name: 'nobody', cluster: () => Promise.reject(new Error('asked')) };
  const refused = new InputError('BAD_FILE', 'no such operator');
  const model = chainWith({ session: () => Promise.reject(refused) });
  await expect(compressModel(model, { ratio: 0.5, clusterer })).rejects.toBe(refused);
});

test('progress names the layer, and its share rises from 0 to 1', async () => {
  const calibration = {
    name: 'random',
    samples: 40,
    async *batches() {
      yield { x: { shape: [40, INPUTS], data: randomValues(40 * INPUTS, 3) } };
    },
  };
  const steps: Progress[] = [];
  await compressModel(chain, { ratio: 0.5, calibration, onProgress: (step) => steps.push(step) });
  const shares = steps.map(({ share }) => share!);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares[0]).toBeGreaterThanOrEqual(0);
  expect(shares.at(-1)).toBe(1);
  expect([...new Set(steps.map(({ layer }) => layer))]).toEqual(['fc1', 'fc2', 'fc3', undefined]);
  expect(steps.filter(({ phase }) => phase === 'calibration').map(({ layer }) => layer)).toEqual([
    'fc1',
    'fc2',
    'fc3',
  ]);
  const unproved: Progress[] = [];
  await compressModel(chain, { ratio: 0.5, prove: false, onProgress: (step) => unproved.push(step) });
  expect(unproved.at(-1)!.share).toBe(1);
});
