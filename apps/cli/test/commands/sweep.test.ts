import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { SAMPLES, writeSmallFiles } from './small-files.js';
import { type Run, spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface SweepRow {
  clusterer: string;
  algorithm: string;
  sparsity: number;
  ratio: number;
  calibrated: boolean;
  top1: number;
  top5: number;
  parameters: number;
  seconds: number;
  seed: number;
}

interface SweepResults {
  baseline: { top1: number; top5: number; parameters: number };
  rows: SweepRow[];
  references?: SweepRow[];
}

const DATA = 'npy:X.npy,Y.npy';
const folder = temporaryFolder();
const GRID = ['--ratios', '0,0.5', '--sparsities', '0,0.8', '--clusterers', 'kmeans,spherical'];

describe('with --json', () => {
  let run: Run;
  let results: SweepResults;
  beforeAll(async () => {
    writeSmallFiles(folder);
    const args = ['sweep', 'small.onnx', '--data', DATA, '--out', 'results', ...GRID];
    run = await spherize(folder, ...args, '--json');
    results = JSON.parse(run.stdout);
  }, 60_000);

  test('stdout is one document, stderr is empty', () => {
    expect([run.code, run.stderr]).toEqual([0, '']);
    expect(run.stdout).toBe(`${JSON.stringify(results, null, 2)}\n`);
  });

  test('the results', () => {
    expect(results).toMatchObject({
      model: 'small.onnx',
      data: DATA,
      samples: SAMPLES,
      baseline: { top1: expect.any(Number) },
    });
    const settings = results.rows.map((row) => [row.clusterer, row.sparsity, row.ratio]);
    expect(settings.sort()).toEqual(
      ['kmeans', 'spherical']
        .flatMap((clusterer) =>
          [0, 0.8].flatMap((sparsity) => [0, 0.5].map((ratio) => [clusterer, sparsity, ratio])),
        )
        .sort(),
    );
    for (const row of results.rows) {
      expect(row).toMatchObject({ algorithm: 'hartigan', calibrated: false, seed: 0 });
      expect(row.top1).toBeGreaterThanOrEqual(0);
      expect(row.top5).toBeGreaterThanOrEqual(row.top1);
      expect(row.top5).toBeLessThanOrEqual(1);
      expect(row.seconds).toBeGreaterThan(0);
      if (row.ratio === 0.5) expect(row.parameters).toBeLessThan(results.baseline.parameters);
    }
  });

  test('ρ = 0 at the own sparsity is the baseline', () => {
    for (const { top1, top5 } of results.rows.filter(({ ratio, sparsity }) => ratio === 0 && sparsity === 0))
      expect({ top1, top5 }).toEqual({ top1: results.baseline.top1, top5: results.baseline.top5 });
  });

  test('lines of reference stand beside the rows, for as many weights', () => {
    const { rows, references = [], baseline } = results;
    expect(new Set(references.map(({ clusterer }) => clusterer))).toEqual(
      new Set(['l2-slice', 'random', 'svd']),
    );
    for (const { sparsity, ratio, parameters, clusterer } of references) {
      const equal = rows.find((row) => row.sparsity === sparsity && row.ratio === ratio)!;
      // Two factors hold at most the weights of the columns that clustering keeps; at ρ = 0 both are the whole matrix.
      if (clusterer === 'svd' && ratio > 0) expect(parameters).toBeLessThanOrEqual(equal.parameters);
      expect(parameters).toBeLessThanOrEqual(baseline.parameters);
    }
  });

  test('writes five files and no other', () => {
    expect(readdirSync(join(folder, 'results')).sort()).toEqual([
      'accuracy.svg',
      'recipe.json',
      'report.html',
      'results.csv',
      'results.json',
    ]);
    expect(JSON.parse(readFileSync(join(folder, 'results', 'results.json'), 'utf8'))).toEqual(results);
  });

  test('results.csv has the same rows', () => {
    const [header, ...lines] = readFileSync(join(folder, 'results', 'results.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','));
    for (const key of [
      'clusterer',
      'algorithm',
      'sparsity',
      'ratio',
      'calibrated',
      'top1',
      'top5',
      'parameters',
      'seconds',
    ])
      expect(header).toContain(key);
    expect(
      lines.map((line) => Object.fromEntries(header!.map((key, column) => [key, line[column]]))),
    ).toMatchObject(
      results.rows.map((row) =>
        Object.fromEntries(
          header!.filter((key) => key in row).map((key) => [key, String(row[key as keyof SweepRow])]),
        ),
      ),
    );
  });

  test('accuracy.svg draws every method in a panel per sparsity', () => {
    const svg = readFileSync(join(folder, 'results', 'accuracy.svg'), 'utf8');
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg.trimEnd()).toMatch(/<\/svg>$/);
    for (const text of ['kmeans', 'spherical', 'as in the model', '>0.8<', 'column reduction ratio'])
      expect(svg).toContain(text);
  });

  test('compress gives the accuracy that the sweep found', async () => {
    for (const { clusterer, sparsity, ratio, top1, top5 } of results.rows) {
      const choice = ['--clusterer', clusterer, '--sparsity', String(sparsity), '--ratio', String(ratio)];
      const args = ['small.onnx', '-o', 'row.onnx', ...choice, '--calibrate', 'none'];
      await spherizeJson(folder, 'compress', ...args);
      expect(await spherizeJson(folder, 'evaluate', 'row.onnx', '--data', DATA)).toMatchObject({
        top1,
        top5,
      });
    }
  });
});

test('the same sweep gives the same results in any number of threads, times apart', async () => {
  writeSmallFiles(folder);
  const run = (threads: string) => {
    const grid = [
      '--ratios',
      '0.5',
      '--clusterers',
      'kmeans',
      '--algorithm',
      'lloyd',
      '--seeds',
      '2',
      '--references',
      'none',
    ];
    const args = ['--data', DATA, '--out', 'threads', '--threads', threads, ...grid];
    return spherizeJson<SweepResults>(folder, 'sweep', 'small.onnx', ...args);
  };
  const timeless = ({ rows }: SweepResults) => rows.map(({ seconds, ...row }) => row);
  const first = await run('1');
  expect(timeless(await run('3'))).toEqual(timeless(first));
  expect(first.rows.map(({ seed, algorithm }) => [seed, algorithm])).toEqual([
    [0, 'lloyd'],
    [1, 'lloyd'],
  ]);
});

describe('with --calibrate', () => {
  const grid = ['--ratios', '0.6', '--clusterers', 'rank-one', '--references', 'random'];
  const sweep = (out: string, ...more: string[]) =>
    spherizeJson<SweepResults>(folder, 'sweep', 'small.onnx', '--data', DATA, '--out', out, ...grid, ...more);

  test('generated inputs refit every row but keep its size', async () => {
    writeSmallFiles(folder);
    const plain = await sweep('plain');
    const refitted = await sweep('refitted', '--calibrate', 'generated', '--calibration-samples', '60');
    expect(refitted.rows).toMatchObject([{ clusterer: 'rank-one', calibrated: true }]);
    expect(refitted.references).toMatchObject([{ clusterer: 'random', calibrated: true }]);
    expect(refitted.rows[0]!.parameters).toBe(plain.rows[0]!.parameters);
  });

  test('samples are taken from outside of those that are evaluated', async () => {
    writeSmallFiles(folder);
    const within = ['--calibrate', DATA, '--calibration-samples', '8'];
    expect((await sweep('outside', ...within, '--limit', '12')).rows).toMatchObject([{ calibrated: true }]);
    const args = ['sweep', 'small.onnx', '--data', DATA, '--out', 'none-left', ...grid, ...within];
    expect(await spherize(folder, ...args)).toMatchObject({
      code: 2,
      stderr: `spherize: --calibrate ${DATA}: all ${SAMPLES} samples are used to measure accuracy; lower --limit, or give other data\n`,
    });
  });

  test('compress with the same inputs gives the accuracy that the sweep found', async () => {
    writeSmallFiles(folder);
    const choice = ['--calibrate', 'generated', '--calibration-samples', '60'];
    const { rows } = await sweep('again', ...choice);
    const compressed = await spherizeJson<{ layers: { calibration: { rows: number } }[] }>(
      folder,
      ...['compress', 'small.onnx', '-o', 'refitted.onnx', '--ratio', '0.6', '--clusterer', 'rank-one'],
      ...choice,
    );
    for (const { calibration } of compressed.layers)
      expect(calibration).toMatchObject({ rows: 60, errorBefore: expect.any(Number) });
    const { top1, top5 } = rows[0]!;
    expect(await spherizeJson(folder, 'evaluate', 'refitted.onnx', '--data', DATA)).toMatchObject({
      top1,
      top5,
    });
  });
});

test('without --json: a table and the files, on stdout alone', async () => {
  writeSmallFiles(folder);
  const args = ['sweep', 'small.onnx', '--data', DATA, '--out', 'table', '--layers', 'fc2', '--limit', '9'];
  const { code, stdout, stderr } = await spherize(folder, ...args, '--ratios', '0.5,0.75');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^sparsity as in the model +ρ = 0 +ρ = 0\.5 +ρ = 0\.75\n/);
  expect(stdout).toMatch(/^kmeans \(hartigan\)( +\d+\.\d %){3}$/m);
  expect(stdout).toMatch(/^spherical \(hartigan\)( +\d+\.\d %){3}$/m);
  for (const name of ['results.json', 'results.csv', 'accuracy.svg'])
    expect(stdout).toContain(join('table', name));
  expect(JSON.parse(readFileSync(join(folder, 'table', 'results.json'), 'utf8'))).toMatchObject({
    samples: 9,
    layers: ['fc2'],
  });
});

test('--latency times every setting beside the uncompressed model', async () => {
  writeSmallFiles(folder);
  const { rows } = await spherizeJson<{
    rows: { latency: { medianMs: number; quartilesMs: number[]; uncompressedMs: number; runs: number } }[];
  }>(
    folder,
    'sweep',
    'small.onnx',
    ...[
      '--data',
      'npy:X.npy,Y.npy',
      '--out',
      'timed',
      '--ratios',
      '0.5',
      '--layers',
      'fc2',
      '--latency',
      '0.01',
    ],
  );
  expect(rows).toHaveLength(2);
  for (const { latency } of rows) {
    expect(latency.quartilesMs[0]).toBeLessThanOrEqual(latency.medianMs);
    expect(latency.medianMs).toBeLessThanOrEqual(latency.quartilesMs[1]!);
    expect(latency.uncompressedMs).toBeGreaterThan(0);
    expect(latency.runs).toBeGreaterThanOrEqual(9);
  }
  expect(readFileSync(join(folder, 'timed', 'report.html'), 'utf8')).toContain(
    'Accuracy against measured latency',
  );
});
