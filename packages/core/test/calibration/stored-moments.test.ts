/** Images chosen to match what batch normalisations hold. */
import { describe, expect, test } from 'vitest';
import { averagingOut, storedMoments } from '../../src/calibration/stored-moments.js';
import { Pause } from '../../src/cancellation.js';
import {
  evolvedInputs,
  float32Values,
  type Model,
  Random,
  type StoredStatistics,
  type Tensor,
} from '../../src/index.js';

const PIXELS = 144;
/** Two channels: pixels, and their squares. Darker and flatter than images that are made up. */
const STORED: StoredStatistics = {
  tensor: 'h',
  axis: -3,
  mean: Float32Array.of(0.35, 0.15),
  variance: Float32Array.of(0.03, 0.02),
};

interface Stub {
  readonly statistics?: readonly StoredStatistics[];
  readonly macs?: number;
}

/** A network of two classes, brighter above or below, whose tensor `h` has two channels. It counts the sessions that are started. */
function modelOf({ statistics, macs = 1e6 }: Stub): Model & { sessions: number } {
  const started = (tensors: readonly string[]) => async () => {
    model.sessions++;
    return {
      async run({ x }: Readonly<Record<string, Tensor>>) {
        const images = float32Values(x!);
        const samples = images.length / PIXELS;
        const h = new Float32Array(2 * images.length);
        const y = new Float32Array(2 * samples);
        images.forEach((value, p) => {
          const [sample, pixel] = [Math.floor(p / PIXELS), p % PIXELS];
          h[2 * sample * PIXELS + pixel] = value;
          h[(2 * sample + 1) * PIXELS + pixel] = value * value;
          y[2 * sample + (pixel < PIXELS / 2 ? 0 : 1)]! += value;
        });
        const all: Record<string, Tensor> = {
          h: { shape: [samples, 2, 12, 12], data: h },
          y: { shape: [samples, 2], data: y },
        };
        return Object.fromEntries(tensors.map((name) => [name, all[name]!]));
      },
      async release() {},
    };
  };
  const model = {
    sessions: 0,
    inputs: [{ name: 'x', shape: [undefined, 1, 12, 12] }],
    outputs: [{ name: 'y', shape: [undefined, 2] }],
    features: {
      ...(statistics && { statistics }),
      observe: (tensors: readonly string[]) => ({ session: started(tensors) }),
    },
    multiplyAccumulates: async () => macs,
    session: started(['y']),
  };
  return model as unknown as Model & { sessions: number };
}

async function imagesOf(model: Model, seed = 0): Promise<Float32Array> {
  const inputs = evolvedInputs(model, model.inputs, { samples: 60, seed });
  const values: number[] = [];
  for await (const { x } of inputs.batches()) values.push(...(x!.data as Float32Array));
  return Float32Array.from(values);
}

/** Kullback–Leibler divergence of normal distributions, summed over both channels of `h`. */
function divergence(images: Float32Array): number {
  return [images, images.map((value) => value * value)].reduce((sum, values, c) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    const [m, v] = [STORED.mean[c]!, STORED.variance[c]!];
    return sum + (Math.log(v / variance) + (variance + (mean - m) ** 2) / v - 1) / 2;
  }, 0);
}

describe('images for a model with stored statistics', () => {
  test('are as many, and nearer to them than those that are evolved without', async () => {
    const evolved = await imagesOf(modelOf({}));
    const matching = await imagesOf(modelOf({ statistics: [STORED] }));
    expect(matching.length).toBe(evolved.length);
    expect(divergence(matching)).toBeLessThan(0.5 * divergence(evolved));
  });

  test('are the same by the same seed, and others by another', async () => {
    const first = await imagesOf(modelOf({ statistics: [STORED] }));
    expect(await imagesOf(modelOf({ statistics: [STORED] }))).toEqual(first);
    expect(await imagesOf(modelOf({ statistics: [STORED] }), 1)).not.toEqual(first);
  });

  test('match an input that is normalised itself', async () => {
    const { mean, variance } = STORED;
    const own = { tensor: 'x', axis: -3, mean: mean.slice(0, 1), variance: variance.slice(0, 1) };
    const average = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;
    const normalised = modelOf({ statistics: [own] });
    const [evolved, matching] = [await imagesOf(modelOf({})), await imagesOf(normalised)];
    const off = (values: Float32Array) => Math.abs(average(values) - mean[0]!);
    expect(off(matching)).toBeLessThan(0.5 * off(evolved));
    // Nothing is observed for it: a session for each set.
    expect(normalised.sessions).toBe(4);
  });

  // Sets of 60 images, each judged by a session of its own, and another one for what is observed: 2.5e11 multiply-accumulates pay for all.
  test.each([
    [1e6, 5],
    [2.5e11 / 130, 3],
    [2.5e11 / 110, 1],
  ])('are chosen from fewer where each takes %d multiply-accumulates', async (macs, sessions) => {
    const model = modelOf({ statistics: [STORED], macs });
    const images = await imagesOf(model);
    expect(model.sessions).toBe(sessions);
    const evolved = await imagesOf(modelOf({}));
    if (sessions === 1) expect(images).toEqual(evolved);
    else expect(images).not.toEqual(evolved);
  });

  test('are those of any model where nothing is stored', async () => {
    const model = modelOf({ statistics: [] });
    expect(await imagesOf(model)).toEqual(await imagesOf(modelOf({})));
    expect(model.sessions).toBe(1);
  });
});

/** Two features at three places of two samples, as channels first and as channels last. */
const FIRST: Tensor = { shape: [2, 2, 3], data: Float32Array.of(1, 2, 3, 10, 20, 60, 5, 5, 5, 0, 0, 30) };
const LAST: Tensor = { shape: [2, 3, 2], data: Float32Array.of(1, 10, 2, 20, 3, 60, 5, 0, 5, 0, 5, 30) };
const norm = (row: Float32Array) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));

describe('moments', () => {
  const stored = { mean: Float32Array.of(2, 30), variance: Float32Array.of(4, 100) };

  test('are those of the axis that is told', () => {
    const first = storedMoments([{ ...stored, tensor: 'h', axis: -2 }], { h: FIRST }, 2);
    expect(storedMoments([{ ...stored, tensor: 'h', axis: -1 }], { h: LAST }, 2)).toEqual(first);
    // (m − μ)/σ and (v/σ² − 1)/2 of two features of the first sample, with the weight 1/√2.
    const squares = [(2 / 3 / 4 - 1) / 2, ((400 + 100 + 900) / 3 / 100 - 1) / 2];
    expect(norm(first[0]!)).toBeCloseTo(Math.hypot(0, 0, ...squares) / Math.SQRT2, 5);
    // Features do not lie in one place by chance.
    expect(first[0]!.filter((value) => value !== 0)).toHaveLength(2);
  });

  test('average to zero over samples that have the stored mean and variance', () => {
    const random = new Random(3);
    const data = Float32Array.from({ length: 2 * 1000 }, (_, i) =>
      i % 2 === 0 ? 2 + 2 * random.normal() : 30 + 10 * random.normal(),
    );
    const h = { shape: [1000, 2], data };
    const near = storedMoments([{ ...stored, tensor: 'h', axis: -1 }], { h }, 1000);
    const far = storedMoments(
      [{ tensor: 'h', axis: -1, mean: Float32Array.of(4, 30), variance: stored.variance }],
      { h },
      1000,
    );
    const average = (rows: readonly Float32Array[]) =>
      norm(rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length));
    expect(average(near)).toBeLessThan(0.1);
    expect(average(far)).toBeGreaterThan(0.5);
  });

  test('are numbers where a variance is zero', () => {
    const flat = { tensor: 'h', axis: -2, mean: stored.mean, variance: new Float32Array(2) };
    for (const row of storedMoments([flat], { h: FIRST }, 2)) expect(row.every(Number.isFinite)).toBe(true);
  });
});

test('rows are chosen one by one, so that their sum stays near to zero', async () => {
  const rows = [
    [3, 0],
    [1, 1],
    [-1, -1.5],
    [0, 0.4],
    [-9, 2],
  ].map((row) => Float32Array.from(row));
  const chosen = (count: number) => averagingOut(rows, count, new Pause(undefined));
  expect(await chosen(1)).toEqual([3]);
  expect(await chosen(3)).toEqual([1, 2, 3]);
  expect(await chosen(9)).toEqual([0, 1, 2, 3, 4]);
  const ended = AbortSignal.abort(new Error('enough'));
  await expect(async () => averagingOut(rows, 2, new Pause(ended))).rejects.toThrow('enough');
});
