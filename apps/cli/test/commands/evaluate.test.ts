import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { expect, test } from 'vitest';
import { CLASSES, SAMPLES, smallModel, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Evaluation {
  model: string;
  data: string;
  samples: number;
  top1: number;
  top5: number;
  seconds: number;
}

const IDX = 'idx:images.idx,labels.idx';
const NPY = 'npy:X.npy,Y.npy';
const folder = temporaryFolder();
writeSmallFiles(folder);

const evaluate = (...args: string[]): Promise<Evaluation> =>
  spherizeJson(folder, 'evaluate', 'small.onnx', ...args);

/** The shares of samples whose label is the best, and among the five best, counted sample by sample. */
async function expectedAccuracy(samples: number): Promise<{ top1: number; top5: number }> {
  const pixels = readFileSync(join(folder, 'images.idx')).subarray(16);
  const session = await onnxModel(smallModel()).session();
  let best = 0;
  let amongFive = 0;
  for (let i = 0; i < samples; i++) {
    const data = Float32Array.from(pixels.subarray(36 * i, 36 * (i + 1)), (pixel) => pixel / 255);
    const { scores } = await session.run({ image: { shape: [1, 1, 6, 6], data } });
    const ranking = [...scores!.data.keys()].sort((a, b) => scores!.data[b]! - scores!.data[a]!);
    if (ranking[0] === i % CLASSES) best++;
    if (ranking.slice(0, 5).includes(i % CLASSES)) amongFive++;
  }
  await session.release();
  return { top1: best / samples, top5: amongFive / samples };
}

test('as JSON', async () => {
  expect(await evaluate('--data', IDX)).toEqual({
    model: 'small.onnx',
    data: IDX,
    samples: SAMPLES,
    ...(await expectedAccuracy(SAMPLES)),
    seconds: expect.any(Number),
  });
});

test('as a line on stdout alone', async () => {
  const { code, stdout, stderr } = await spherize(folder, 'evaluate', 'small.onnx', '--data', IDX);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^small\.onnx on 30 samples of idx:images\.idx,labels\.idx: top-1 \d+\.\d\d %, top-5 \d+\.\d\d %, \d+\.\d s\n$/,
  );
});

test('the same data as npy, in any batches', async () => {
  const { seconds, data, ...expected } = await evaluate('--data', IDX);
  for (const batch of ['1', '7', '1000'])
    expect(await evaluate('--data', NPY, '--batch', batch)).toMatchObject(expected);
});

test('--limit takes the first samples', async () => {
  expect(await evaluate('--data', IDX, '--limit', '7')).toMatchObject({
    samples: 7,
    ...(await expectedAccuracy(7)),
  });
});

test('--mean and --std are subtracted and divided by', async () => {
  // The images differ from nothing but their mean by a factor that underflows: all samples get one class.
  const { top1 } = await evaluate('--data', IDX, '--mean', '0.5', '--std', '1e30');
  expect(top1).toBe(1 / CLASSES);
});
