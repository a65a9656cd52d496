import { describe, expect, test } from 'vitest';
import { calibrateModel } from '../../src/calibration/calibrate-model.js';
import { OriginalOutputs } from '../../src/calibration/original-outputs.js';
import { refitLayer } from '../../src/calibration/refit-layer.js';
import {
  type CalibrationInputs,
  compressModel,
  kmeans,
  type Model,
  planRewrite,
  portableEngine,
  spherical,
  transpose,
} from '../../src/index.js';
import { ChainModel, fc, type Operation, runOn } from '../memory-format.js';
import { largestDifference, randomMatrix, randomValues } from '../naive.js';

const WIDTH = 12;
const operations: readonly Operation[] = [
  fc('fc1', 24, WIDTH, 1),
  { type: 'relu', name: 'relu1' },
  fc('fc2', 16, 24, 2),
  { type: 'relu', name: 'relu2' },
  fc('fc3', 4, 16, 3),
];
const model = new ChainModel(operations, WIDTH);

/** Features that depend on three factors, as those of real data depend on few. */
function sampleOf(seed: number): Float32Array {
  const mixing = randomMatrix(WIDTH, 3, 30);
  const factors = randomValues(3, seed);
  return Float32Array.from({ length: WIDTH }, (_, i) =>
    factors.reduce((sum, factor, f) => sum + factor * mixing.data[3 * i + f]!, 0),
  );
}

function inputsOf(samples: number, batch: number, seed = 50): CalibrationInputs {
  return {
    name: 'random',
    samples,
    async *batches() {
      for (let start = 0; start < samples; start += batch) {
        const count = Math.min(batch, samples - start);
        const values = new Float32Array(count * WIDTH);
        for (let i = 0; i < count; i++) values.set(sampleOf(seed + start + i), i * WIDTH);
        yield { x: { shape: [count, WIDTH], data: values } };
      }
    },
  };
}

/** On inputs that no refit has seen. */
async function errorOf(candidate: Model): Promise<number> {
  let squares = 0;
  for (let seed = 1000; seed < 1050; seed++) {
    const data = Float32Array.of(...sampleOf(2 * seed), ...sampleOf(2 * seed + 1));
    const [found, expected] = [await runOn(candidate, data), await runOn(model, data)];
    squares += found.reduce((sum, value, i) => sum + (value - expected[i]!) ** 2, 0);
  }
  return squares;
}

const engine = portableEngine;

describe('calibrateModel', () => {
  test('brings the compressed network nearer to the original, layer by layer', async () => {
    for (const clusterer of [kmeans, spherical]) {
      const { model: before, compressed } = await compressModel(model, { clusterer, engine, ratio: 0.5 });
      const { compressed: refitted, reports } = await calibrateModel(model, compressed, inputsOf(200, 32), {
        engine,
      });
      expect(reports.map(({ layer, rows }) => [layer, rows])).toEqual([
        ['fc1', 200],
        ['fc2', 200],
        ['fc3', 200],
      ]);
      for (const { layer, errorBefore, errorAfter, strength } of reports) {
        expect(errorAfter).toBeLessThanOrEqual(errorBefore);
        expect(strength, layer).not.toBeNull();
      }
      const after = model.rewrite(planRewrite(model, refitted).rewrite);
      expect(await errorOf(after)).toBeLessThan(0.2 * (await errorOf(before)));
    }
  });

  test('does not depend on the batch size beyond rounding', async () => {
    const { compressed } = await compressModel(model, { clusterer: spherical, engine, ratio: 0.5 });
    const [one, other] = await Promise.all(
      [7, 64].map((batch) => calibrateModel(model, compressed, inputsOf(120, batch), { engine })),
    );
    for (const [name, layer] of one!.compressed) {
      const { centroids, bias } = other!.compressed.get(name)!;
      expect(largestDifference(layer.centroids.data, centroids.data)).toBeLessThan(1e-3);
      expect(largestDifference(layer.bias!, bias!)).toBeLessThan(1e-3);
    }
  });

  test('shares what the original computes between compressions', async () => {
    const original = new OriginalOutputs(model, engine);
    const inputs = inputsOf(60, 20);
    const { compressed } = await compressModel(model, { clusterer: kmeans, engine, ratio: 0.4 });
    const first = await calibrateModel(model, compressed, inputs, { engine, original });
    const second = await calibrateModel(model, compressed, inputs, { engine, original });
    expect(second.reports).toEqual(first.reports);
    expect((await calibrateModel(model, compressed, inputs, { engine })).reports).toEqual(first.reports);
  });

  test('refits layers whose sums fold on what these sums are', async () => {
    const chain = new ChainModel([fc('fc1', 24, WIDTH, 1), fc('fc2', 16, 24, 2), fc('fc3', 4, 16, 3)], WIDTH);
    const { compressed } = await compressModel(chain, { clusterer: spherical, engine, ratio: 0.5 });
    const { compressed: refitted } = await calibrateModel(chain, compressed, inputsOf(200, 32), { engine });
    const folded = chain.rewrite(planRewrite(chain, refitted).rewrite);
    const explicit = chain.rewrite(planRewrite(chain, refitted, { folding: 'explicit' }).rewrite);
    expect(folded.layers.map(({ outputs, inputs }) => [outputs, inputs])).toEqual([
      [12, 6],
      [8, 12],
      [4, 8],
    ]);
    const data = Float32Array.of(...sampleOf(900), ...sampleOf(901));
    const [wanted, found] = [await runOn(chain, data), await runOn(folded, data)];
    const scale = Math.max(...wanted.map(Math.abs));
    expect(largestDifference(found, await runOn(explicit, data))).toBeLessThan(1e-5 * scale);
    // Three factors make all features: six sums of them hold everything.
    expect(largestDifference(found, wanted)).toBeLessThan(0.05 * scale);
    const before = chain.rewrite(planRewrite(chain, compressed).rewrite);
    expect(largestDifference(await runOn(before, data), wanted)).toBeGreaterThan(0.2 * scale);
  });

  test('leaves a layer alone whose outputs are right already', async () => {
    const { compressed } = await compressModel(model, { clusterer: kmeans, engine, ratio: 0 });
    const { compressed: refitted, reports } = await calibrateModel(model, compressed, inputsOf(40, 40), {
      engine,
    });
    const data = randomValues(2 * WIDTH, 7);
    const after = model.rewrite(planRewrite(model, refitted).rewrite);
    expect(largestDifference(await runOn(after, data), await runOn(model, data))).toBeLessThan(1e-4);
    for (const { errorAfter, errorBefore } of reports) expect(errorAfter).toBeLessThanOrEqual(errorBefore);
  });

  test('adds no bias to a layer without one', async () => {
    const bare = new ChainModel([{ ...fc('only', 5, WIDTH, 4), bias: undefined }], WIDTH);
    const { compressed } = await compressModel(bare, { clusterer: kmeans, engine, ratio: 0.5 });
    const { compressed: refitted } = await calibrateModel(bare, compressed, inputsOf(80, 16), { engine });
    expect(refitted.get('only')!.bias).toBeUndefined();
    expect(refitted.get('only')!.centroids).not.toEqual(compressed.get('only')!.centroids);
  });

  test('ends when asked to', async () => {
    const { compressed } = await compressModel(model, { clusterer: kmeans, engine, ratio: 0.5 });
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(calibrateModel(model, compressed, inputsOf(10, 5), { engine, signal })).rejects.toThrow(
      'enough',
    );
  });
});

test('refitLayer finds the centroids that made the targets', async () => {
  const { compressed } = await compressModel(model, { clusterer: spherical, engine, ratio: 0.5 });
  const layer = compressed.get('fc2')!;
  const truth = randomMatrix(16, layer.centroids.cols, 77);
  const bias = randomValues(16, 78);
  async function* batches() {
    for (let b = 0; b < 4; b++) {
      const inputs = randomMatrix(50, 24, 80 + b);
      const { clusterFeatures } = await import('../../src/calibration/cluster-features.js');
      const targets = await engine.multiply(clusterFeatures(layer, inputs), transpose(truth));
      for (let p = 0; p < targets.data.length; p++) targets.data[p] = targets.data[p]! + bias[p % 16]!;
      yield { inputs, targets };
    }
  }
  const { layer: refitted, report } = await refitLayer('fc2', layer, new Float32Array(16), batches(), engine);
  expect(report.errorAfter).toBeLessThan(1e-3);
  expect(largestDifference(refitted.centroids.data, truth.data)).toBeLessThan(0.05);
  expect(largestDifference(refitted.bias!, bias)).toBeLessThan(0.05);
});
