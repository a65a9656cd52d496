/** `scan`: curves per layer, kept from run to run. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SAMPLES, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Scan {
  model: string;
  data: string | null;
  samples: number;
  calibrated: boolean;
  baseline: { top1: number } | null;
  layers: {
    name: string;
    outputs: number;
    columns: number;
    points: { ratio: number; clusters: number; outputError: number; top1?: number }[];
  }[];
  kept: string;
}

const DATA = 'npy:X.npy,Y.npy';
const folder = temporaryFolder();
let caches = 0;
beforeAll(() => writeSmallFiles(folder));
beforeEach(() => {
  vi.stubEnv('SPHERIZE_CACHE', join(folder, `cache${caches++}`));
});
afterAll(() => void vi.unstubAllEnvs());

const scan = (...args: string[]): Promise<Scan> => spherizeJson(folder, 'scan', 'small.onnx', ...args);
const lines = ({ kept }: Scan): string[] => readFileSync(kept, 'utf8').split('\n').filter(Boolean);

test('without data: the error of the outputs on generated inputs', async () => {
  const found = await scan('--ratios', '0,0.5,0.9');
  expect(found).toMatchObject({ model: 'small.onnx', data: null, calibrated: false, baseline: null });
  expect(found.layers.map(({ name, outputs, columns }) => [name, outputs, columns])).toEqual([
    ['fc1', 24, 144],
    ['fc2', 16, 24],
    ['fc3', 6, 16],
  ]);
  expect(found.layers.map(({ points }) => points.map(({ clusters }) => clusters))).toEqual([
    [144, 72, 14],
    [24, 12, 2],
    [16, 8, 2],
  ]);
  for (const { points } of found.layers) {
    const [none, half, most] = points.map(({ outputError }) => outputError);
    // Only what rounding does.
    expect(none).toBeLessThan(1e-9);
    expect(half).toBeGreaterThan(1e-4);
    expect(most).toBeGreaterThan(half!);
  }
});

test('with data: the accuracy that compress and evaluate give', async () => {
  const { baseline, samples, layers } = await scan('--data', DATA, '--ratios', '0.5,0.8', '--layers', 'fc2');
  expect(samples).toBe(SAMPLES);
  const accuracy = async (model: string): Promise<number> =>
    (await spherizeJson<{ top1: number }>(folder, 'evaluate', model, '--data', DATA)).top1;
  expect(baseline?.top1).toBe(await accuracy('small.onnx'));
  for (const { ratio, top1 } of layers[0]!.points) {
    const args = ['--ratio', `fc2=${ratio}`, '--clusterer', 'spherical', '--calibrate', 'none'];
    await spherizeJson(folder, 'compress', 'small.onnx', '-o', 'one.onnx', ...args);
    expect(top1).toBeCloseTo(await accuracy('one.onnx'), 12);
  }
});

test('calibration lowers the error', async () => {
  const plain = await scan('--ratios', '0.8');
  const refitted = await scan('--ratios', '0.8', '--calibrate', 'generated');
  expect(refitted.calibrated).toBe(true);
  const errors = ({ layers }: Scan): number =>
    layers.reduce((sum, { points }) => sum + points[0]!.outputError, 0);
  expect(errors(refitted)).toBeLessThan(0.8 * errors(plain));
});

test('as a table', async () => {
  const { code, stdout, stderr } = await spherize(
    folder,
    'scan',
    'small.onnx',
    '--data',
    DATA,
    '--ratios',
    '0.5',
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^layer +size +weights +ρ = 0\.5\n─+\nfc1 +24 × 144 +87\.8 % +\d+\.\d %\n/);
  expect(stdout).toMatch(
    /\n\nOne layer compressed at a time: top-1 accuracy on 30 samples of npy:X\.npy,Y\.npy; uncompressed: \d+\.\d\d %\.\n$/,
  );
});

describe('what was measured is kept', () => {
  test('and not measured again: other ratios are added to it', async () => {
    const first = await scan('--ratios', '0.5,0.8');
    expect(lines(first)).toHaveLength(6);
    const more = await scan('--ratios', '0.5,0.8,0.9');
    expect(more.kept).toBe(first.kept);
    expect(lines(more)).toHaveLength(9);
    expect(lines(more).slice(0, 6)).toEqual(lines(first).slice(0, 6));
    expect(more.layers.map(({ points }) => points.slice(0, 2))).toEqual(
      first.layers.map(({ points }) => points),
    );
  });

  test('up to where a run was killed', async () => {
    const whole = await scan('--ratios', '0.5,0.8');
    const left = lines(whole).slice(0, 3);
    writeFileSync(whole.kept, `${left.join('\n')}\n${lines(whole)[3]!.slice(0, 40)}`);
    expect(await scan('--ratios', '0.5,0.8')).toEqual(whole);
    // The damaged line stays, and counts for nothing.
    expect(lines(whole)).toHaveLength(3 + 1 + 3);
  });

  test('apart from runs with other options', async () => {
    const others = [
      '--seed 1',
      `--data ${DATA}`,
      '--round-to 4',
      '--calibrate generated',
      '--clusterer kmeans',
    ];
    const kept = [(await scan('--ratios', '0.5')).kept];
    for (const args of others) kept.push((await scan('--ratios', '0.5', ...args.split(' '))).kept);
    expect(new Set(kept).size).toBe(others.length + 1);
  }, 120_000);

  test('apart from other models of that name', async () => {
    const { kept } = await scan('--ratios', '0.5');
    appendFileSync(join(folder, 'small.onnx'), Buffer.from([0x12, 0x01, 0x78]));
    expect((await scan('--ratios', '0.5')).kept).not.toBe(kept);
    writeSmallFiles(folder);
  });

  test('until --restart', async () => {
    const first = await scan('--ratios', '0.5,0.8');
    expect(lines(await scan('--ratios', '0.5', '--restart'))).toHaveLength(3);
    expect(readdirSync(join(first.kept, '..'))).toHaveLength(1);
  });
});
