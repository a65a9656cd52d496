/** `--data` without `--calibrate`: some samples refit, others measure. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import type { CalibrationInputs, Model } from '@spherize/core';
import { CHOOSING_PART } from '@spherize/core/allocation';
import { type LabelledData, splitEvery } from '@spherize/core/evaluation';
import { describe, expect, test } from 'vitest';
import { randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { dividedData } from '../../src/calibration/divided-data.js';
import type { Dataset } from '../../src/data/dataset.js';
import { writeRedundantFiles } from '../commands/redundant-files.js';
import { spherize, spherizeJson, temporaryFolder } from '../commands/spawn-spherize.js';
import { npyBytes, samplesOf, write } from '../data/data-files.js';

const MODEL = { inputs: [{ name: 'x', type: 'float32', shape: [undefined, 1] }] } as unknown as Model;

/** Each sample is its own position. */
function positions(samples: number): Dataset {
  return {
    name: 'positions',
    samples,
    classes: { count: 1, from: 'labels' },
    digest: async () => 'digest',
    batch: async (chosen) => ({
      inputs: { x: { shape: [chosen.length, 1], data: Float32Array.from(chosen) } },
      labels: new Int32Array(chosen.length),
    }),
  };
}

async function ofInputs(inputs: CalibrationInputs): Promise<number[]> {
  const found: number[] = [];
  for await (const { x } of inputs.batches()) found.push(...(x!.data as Float32Array));
  return found;
}

async function ofData(data: LabelledData): Promise<number[]> {
  return [...(await samplesOf(data, 0, data.samples)).inputs];
}

describe('samples', () => {
  test.each([false, true])(
    'of refit, comparison and accuracy are apart; for a search: %s',
    async (searched) => {
      const data = positions(3000);
      const { calibration, measured } = (await dividedData(MODEL, data, { seed: 0, searched }))!;
      const refit = await ofInputs(calibration.inputs);
      expect(refit).toHaveLength(500);
      expect(new Set(refit).size).toBe(500);
      const seen = new Set(refit);
      const accuracy = await ofData(measured);
      const unseen = await ofInputs(calibration.others(400)!);
      const others = await ofInputs(calibration.others(400, 400)!);
      for (const part of [accuracy, unseen, others]) expect(part.filter((i) => seen.has(i))).toEqual([]);
      // What chose ratios is not compared again.
      expect(unseen.filter((i) => others.includes(i))).toEqual([]);
      expect(accuracy).toHaveLength(2250);
      // Of data that go round their classes, every class is in both.
      const classes = (part: number[]): number => new Set(part.map((i) => i % 20)).size;
      if (!searched) expect([classes(refit), classes(accuracy)]).toEqual([20, 20]);
      if (!searched) return;
      // A search for the largest drop decides by samples that no refit has seen.
      const { every, others: deciding } = splitEvery(data, CHOOSING_PART);
      expect(accuracy).toEqual(await ofData(deciding));
      expect(await ofData(every)).toEqual(expect.arrayContaining(refit));
    },
  );

  test('follow the seed, and a smaller number', async () => {
    const refit = async (seed: number, samples?: number) =>
      ofInputs((await dividedData(MODEL, positions(1000), { seed, samples }))!.calibration.inputs);
    expect(await refit(1)).toEqual(await refit(1));
    expect(await refit(1, 50)).not.toEqual(await refit(2, 50));
    expect(await refit(1, 50)).toHaveLength(50);
  });

  test('too few are left to what measures', async () => {
    expect(await dividedData(MODEL, positions(500), { seed: 0 })).toBeUndefined();
  });
});

test('compress refits on data, measures on the rest, and its recipe gives the same bytes', async () => {
  const folder = temporaryFolder();
  writeRedundantFiles(folder);
  const samples = 600;
  const inputs = randomValues(samples * 32, 5);
  const { model } = await onnxFormat.read(join(folder, 'redundant.onnx'));
  const session = await model.session();
  const { y } = await session.run({ x: { shape: [samples, 32], data: inputs } });
  await session.release();
  const labels = Int32Array.from({ length: samples }, (_, i) => {
    const row = y!.data.subarray(10 * i, 10 * i + 10);
    return row.indexOf(Math.max(...row));
  });
  write(folder, 'x.npy', npyBytes('<f4', [samples, 32], inputs));
  write(folder, 'y.npy', npyBytes('<i4', [samples], labels));

  const data = 'npy:x.npy,y.npy';
  const report = await spherizeJson<Record<string, unknown>>(
    ...([folder, 'compress', 'redundant.onnx', '-o', 'out.onnx', '--data', data] as const),
  );
  expect(report.unseen).toMatchObject({ inputs: data });
  expect(report.accuracy).toMatchObject({ data, samples: 450, before: 1, after: expect.any(Number) });
  expect((report.accuracy as { after: number }).after).toBeGreaterThan(0.9);
  expect(JSON.parse(readFileSync(join(folder, 'out.recipe.json'), 'utf8'))).not.toHaveProperty('calibrate');
  const { stdout } = await spherize(folder, 'compress', '--config', 'out.recipe.json', '-o', 'again.onnx');
  expect(readFileSync(join(folder, 'again.onnx'))).toEqual(readFileSync(join(folder, 'out.onnx')));
  expect(stdout).toContain('refitted on 150 inputs (npy:x.npy,y.npy)');
  expect(stdout).toMatch(
    /top-1 100\.00 % → [\d.]+ % on 450 samples \(npy:x\.npy,y\.npy\) that no refit has seen/,
  );
});
