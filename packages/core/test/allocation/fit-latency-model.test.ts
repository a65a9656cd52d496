import { describe, expect, test } from 'vitest';
import { fitLatencyModel, type MeasuredWork } from '../../src/allocation/fit-latency-model.js';
import {
  KINDS_OF_WORK,
  type LatencyModel,
  type ModelWork,
  predictedMs,
} from '../../src/format/latency-model.js';
import { Random } from '../../src/random.js';

const TRUE: LatencyModel = {
  multiplies: 0.02,
  depthwise: 0.1,
  weights: 0.15,
  values: 0.5,
  operations: 3000,
  runs: 20_000,
};

/** Models of many sizes, each kind of work on its own scale. */
function works(count: number, seed: number): ModelWork[] {
  const random = new Random(seed);
  const upTo = (most: number): number => Math.round(most * 10 ** (-2 * random.uniform()));
  return Array.from({ length: count }, () => ({
    multiplies: upTo(3e8),
    depthwise: upTo(2e7),
    weights: upTo(3e6),
    values: upTo(2e7),
    operations: upTo(400),
    runs: 1,
  }));
}

const measured = (latency: LatencyModel, count: number, seed: number): MeasuredWork[] =>
  works(count, seed).map((work) => ({ work, ms: predictedMs(work, latency) }));

describe('what each kind of work takes', () => {
  test('is found from times that it adds up to', () => {
    const found = fitLatencyModel(measured(TRUE, 40, 1));
    for (const kind of KINDS_OF_WORK) expect(found[kind] / TRUE[kind]).toBeCloseTo(1, 2);
  });

  test('is 0 where nothing else explains the times, and never less', () => {
    const latency = { ...TRUE, depthwise: 0, operations: 0 };
    const noisy = measured(latency, 40, 2).map(({ work, ms }, i) => ({
      work,
      ms: ms * (i % 2 ? 1.05 : 0.95),
    }));
    const found = fitLatencyModel(noisy);
    for (const kind of KINDS_OF_WORK) expect(found[kind]).toBeGreaterThanOrEqual(0);
    expect(found.depthwise).toBeLessThan(TRUE.depthwise / 3);
  });

  test('keeps its proportions where the times say nothing, at the pace of the machine', () => {
    const [work] = works(1, 3);
    const found = fitLatencyModel([{ work: work!, ms: 3 * predictedMs(work!, TRUE) }], TRUE);
    for (const kind of KINDS_OF_WORK) expect(found[kind] / TRUE[kind]).toBeCloseTo(3, 1);
  });
});
