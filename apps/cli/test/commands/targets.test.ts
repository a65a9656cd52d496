/** `compress` with a target instead of ratios. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { npyBytes, write } from '../data/data-files.js';
import { writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Report {
  bytesBefore: number;
  bytesAfter: number;
  layers: { name: string; columns: number; clusters: number; calibration?: unknown }[];
  target: {
    size?: number;
    speedup?: number;
    reached: number;
    maxDrop: number;
    drop: number;
    bound: number;
    confidence: number;
    samples: number;
    lost: number;
    gained: number;
    measured: { beforeMs: number; afterMs: number };
  };
  reductions: { from: number; to: number }[];
}

/** Weights of fc1, fc2, fc3. */
const WEIGHTS = 24 * 144 + 16 * 24 + 6 * 16;
const folder = temporaryFolder();

/** Images on which the original is always right. */
async function writeOwnLabels(name: string, samples: number, seed: number): Promise<void> {
  const { model } = await onnxFormat.read(join(folder, 'small.onnx'));
  const data = randomValues(samples * 36, seed);
  const session = await model.session();
  const { scores } = await session.run({ image: { shape: [samples, 1, 6, 6], data } });
  await session.release();
  const labels = Int32Array.from({ length: samples }, (_, i) => {
    const row = scores!.data.subarray(6 * i, 6 * i + 6);
    return row.indexOf(Math.max(...row));
  });
  write(folder, `${name}-x.npy`, npyBytes('<f4', [samples, 1, 6, 6], data));
  write(folder, `${name}-y.npy`, npyBytes('<i4', [samples], labels));
}

beforeAll(async () => {
  vi.stubEnv('SPHERIZE_CACHE', join(folder, 'cache'));
  writeSmallFiles(folder);
  await writeOwnLabels('seen', 400, 11);
  await writeOwnLabels('unseen', 3000, 12);
  await writeOwnLabels('refit', 400, 13);
});
afterAll(() => void vi.unstubAllEnvs());

const compress = (output: string, ...args: string[]): Promise<Report> =>
  spherizeJson(folder, 'compress', 'small.onnx', '-o', output, '--calibration-samples', '100', ...args);
const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));

describe('--target-size', () => {
  test.each([0.7, 0.4])('%s of the bytes, and hardly less', async (size) => {
    const { bytesBefore, bytesAfter, target } = await compress('size.onnx', '--target-size', String(size));
    expect(bytesAfter).toBeLessThanOrEqual(size * bytesBefore);
    // A cluster of fc1 has 24 weights of 4 bytes; nodes for another cluster size take some hundred bytes.
    expect(bytesAfter).toBeGreaterThan(size * bytesBefore - 500);
    expect(bytesOf('size.onnx')).toHaveLength(bytesAfter);
    expect(target).toEqual({ size, reached: bytesAfter / bytesBefore });
  });

  test('the same bytes again, with what was kept and without', async () => {
    const refit = ['--calibrate', 'generated', '--calibration-samples', '100'];
    await compress('first.onnx', '--target-size', '0.5', ...refit);
    await compress('kept.onnx', '--target-size', '0.5', ...refit);
    vi.stubEnv('SPHERIZE_CACHE', join(folder, 'other-cache'));
    await compress('anew.onnx', '--target-size', '0.5', ...refit);
    vi.stubEnv('SPHERIZE_CACHE', join(folder, 'cache'));
    expect(bytesOf('kept.onnx')).toEqual(bytesOf('first.onnx'));
    expect(bytesOf('anew.onnx')).toEqual(bytesOf('first.onnx'));
  }, 120_000);

  test('refits where inputs are given, and measures on data', async () => {
    const args = ['--target-size', '0.5', '--calibrate', 'npy:refit-x.npy,refit-y.npy'];
    const { layers } = await compress('refit.onnx', ...args, '--data', 'npy:seen-x.npy,seen-y.npy');
    for (const { calibration } of layers) expect(calibration).toBeDefined();
  });
});

describe('--target-speedup', () => {
  test('so many times fewer multiply-accumulates in the layers', async () => {
    const { target } = await compress('fast.onnx', '--target-speedup', '3');
    const { model } = await onnxFormat.read(join(folder, 'fast.onnx'));
    const left = model.layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
    expect(WEIGHTS / left).toBeGreaterThanOrEqual(3);
    expect(WEIGHTS / left).toBeLessThan(3.2);
    const measured = { beforeMs: expect.any(Number), afterMs: expect.any(Number) };
    expect(target).toEqual({ speedup: 3, reached: WEIGHTS / left, measured });
  });

  test('of some layers', async () => {
    const { layers } = await compress('some.onnx', '--target-speedup', '2', '--layers', 'fc1,fc3');
    expect(layers.map(({ name }) => name)).toEqual(['fc1', 'fc3']);
    const args = ['compress', 'small.onnx', '-o', 'some.onnx', '--target-speedup', '2', '--layers', 'fc2'];
    const { stdout } = await spherize(folder, ...args);
    expect(stdout).toMatch(
      /\n--target-speedup 2: 2\.\d\d times fewer multiply-accumulates in the layers; measured for one sample from the first of them on: [\d.]+ ms → [\d.]+ ms \([\d.]+×\)\n/,
    );
  });
});

describe('--max-drop', () => {
  const accuracy = async (model: string, data: string): Promise<number> =>
    (await spherizeJson<{ top1: number }>(folder, 'evaluate', model, '--data', data)).top1;

  test.each([25, 14])('%s points, also on samples that chose nothing', async (points) => {
    const output = `drop${points}.onnx`;
    const data = ['--data', 'npy:seen-x.npy,seen-y.npy', '--calibrate', 'npy:refit-x.npy,refit-y.npy'];
    const { layers, target } = await compress(output, '--max-drop', String(points), ...data);
    expect(target).toMatchObject({ maxDrop: points / 100, confidence: 0.95, samples: 300, gained: 0 });
    expect(target.drop).toBe(target.lost / 300);
    expect(target.measured).toEqual({ beforeMs: expect.any(Number), afterMs: expect.any(Number) });
    expect(target.bound).toBeGreaterThan(target.drop);
    expect(target.bound).toBeLessThanOrEqual(points / 100);
    expect(layers.some(({ clusters, columns }) => clusters < columns)).toBe(true);
    const unseen = 'npy:unseen-x.npy,unseen-y.npy';
    expect(await accuracy('small.onnx', unseen)).toBe(1);
    expect(await accuracy(output, unseen)).toBeGreaterThanOrEqual(1 - points / 100);
  });

  test('of widths, each by what it costs the outputs', async () => {
    const data = ['--data', 'npy:seen-x.npy,seen-y.npy', '--calibrate', 'npy:refit-x.npy,refit-y.npy'];
    const { target, reductions } = await compress(
      'narrow.onnx',
      '--max-drop',
      '25',
      '--reduce',
      'neurons',
      ...data,
    );
    expect(target).toMatchObject({ maxDrop: 0.25, confidence: 0.95, samples: 300 });
    expect(target.drop).toBe((target.lost - target.gained) / 300);
    expect(target.bound).toBeLessThanOrEqual(0.25);
    expect(reductions.some(({ from, to }) => to < from)).toBe(true);
    expect(await accuracy('narrow.onnx', 'npy:unseen-x.npy,unseen-y.npy')).toBeGreaterThanOrEqual(0.75);
  });

  test('more may be lost, less is left', async () => {
    const weights = async (name: string): Promise<number> => {
      const { model } = await onnxFormat.read(join(folder, name));
      return model.parameters;
    };
    expect(await weights('drop25.onnx')).toBeLessThan(await weights('drop14.onnx'));
  });
});

describe('--round-to', () => {
  test.each([
    ['--ratio', '0.6'],
    ['--target-size', '0.6'],
  ])('%s', async (...args) => {
    const { layers } = await compress('round.onnx', ...args, '--round-to', '8');
    for (const { clusters } of layers) expect(clusters % 8).toBe(0);
  });
});

describe('out of reach', () => {
  test.each([
    [
      '--target-size 0.05',
      /^spherize: --target-size 0\.05: the layers at their largest ratios leave 0\.\d{3} MB, which is 0\.\d{4} of the file: give at least that\n$/,
    ],
    [
      '--target-speedup 1000',
      /^spherize: --target-speedup 1000: the layers at their largest ratios do \d+\.\d times fewer multiply-accumulates: give at most that\n$/,
    ],
    [
      '--max-drop 1 --data npy:seen-x.npy,seen-y.npy --limit 200',
      /^spherize: --max-drop 1: 200 samples cannot show so small a drop, at least 3\d\d are needed: give more data or a larger drop\n$/,
    ],
    [
      // Random weights, and nothing to refit them on.
      '--max-drop 3 --data npy:seen-x.npy,seen-y.npy',
      /^spherize: --max-drop 3: the mildest compression tried, to 95 % of the layers' weights, loses [\d.]+ points on 300 samples, surely at most [\d.]+: allow a larger drop, give more data, or calibrate\n$/,
    ],
    [
      '--max-drop 8 --data npy:X.npy,Y.npy',
      /^spherize: --max-drop 8: 30 samples cannot show so small a drop, at least \d\d are needed: /,
    ],
  ])('%s', async (args, line) => {
    const before = readdirSync(folder).sort();
    const run = await spherize(folder, 'compress', 'small.onnx', '-o', 'none.onnx', ...args.split(' '));
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(line);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(existsSync(join(folder, 'none.onnx'))).toBe(false);
  });
});
