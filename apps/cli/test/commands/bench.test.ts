import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { write } from '../data/data-files.js';
import { modelWithoutLayers, modelWithTwoInputs, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Pair {
  before: number;
  after: number;
}

interface BatchReport {
  batch: number;
  beforeMs: number;
  afterMs: number;
  beforeQuartilesMs: [number, number];
  afterQuartilesMs: [number, number];
  speedup: number;
  beforeSamplesPerSecond: number;
  afterSamplesPerSecond: number;
  runs: number;
}

interface BenchReport extends Record<'bytes' | 'gzipBytes' | 'parameters' | 'macs' | 'sessionMemory', Pair> {
  model: string;
  compressed: string;
  batches: BatchReport[];
  skippedBatches: number[];
}

const QUICK = ['--seconds', '0'];
const folder = temporaryFolder();

beforeAll(async () => {
  writeSmallFiles(folder);
  await spherizeJson(folder, 'compress', 'small.onnx', '-o', 'half.onnx', '--ratio', '0.5');
  write(folder, 'fixed.onnx', fixedBatchModel());
  write(folder, 'two.onnx', modelWithTwoInputs());
  write(folder, 'any-size.onnx', anySizeModel());
  write(folder, 'convolution.onnx', modelWithoutLayers());
});

/** One layer, for three samples at a time. */
function fixedBatchModel(): Uint8Array {
  const model = new ModelBuilder();
  model.input('x', [3, 4]);
  model.node('MatMul', ['x', model.weight('fc.weight', [4, 2])], {}, ['y']);
  return model.output('y', [3, 2]).build();
}

/** A layer on the means of an image of any size, of 2 channels. */
function anySizeModel(): Uint8Array {
  const model = new ModelBuilder();
  const image = model.input('image', [undefined, 2, undefined, undefined]);
  const means = model.node('Flatten', [model.node('GlobalAveragePool', [image])], { axis: 1 });
  model.node('MatMul', [means, model.weight('fc.weight', [2, 3])], {}, ['y']);
  return model.output('y', [undefined, 3]).build();
}

const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));

test('the report as JSON', async () => {
  const args = ['bench', 'small.onnx', 'half.onnx', '--batch', '1,4', ...QUICK];
  const report = await spherizeJson<BenchReport>(folder, ...args);
  const { bytes, gzipBytes, parameters, macs, sessionMemory, batches, ...rest } = report;
  expect(rest).toEqual({ model: 'small.onnx', compressed: 'half.onnx', skippedBatches: [] });
  const [before, after] = [bytesOf('small.onnx'), bytesOf('half.onnx')];
  expect(bytes).toEqual({ before: before.length, after: after.length });
  expect(gzipBytes).toEqual({
    before: gzipSync(before, { level: 6 }).length,
    after: gzipSync(after, { level: 6 }).length,
  });
  expect(parameters.before).toBe(4 * 9 + 4 + 24 * 145 + 16 * 25 + 6 * 17);
  expect(parameters.after).toBeLessThan(parameters.before);
  const convolution = 4 * 36 * 9;
  expect(macs).toEqual({
    before: convolution + 24 * 144 + 16 * 24 + 6 * 16,
    after: convolution + 24 * 72 + 16 * 12 + 6 * 8,
  });
  expect(sessionMemory.before).toBeGreaterThan(0);
  expect(sessionMemory.after).toBeGreaterThan(0);
  expect(batches.map(({ batch }) => batch)).toEqual([1, 4]);
  for (const result of batches) {
    expect(result.runs).toBeGreaterThanOrEqual(9);
    const [low, high] = result.beforeQuartilesMs;
    expect(low).toBeLessThanOrEqual(result.beforeMs);
    expect(high).toBeGreaterThanOrEqual(result.beforeMs);
    expect(result.speedup).toBeCloseTo(result.beforeMs / result.afterMs, 10);
    expect(result.beforeSamplesPerSecond).toBeCloseTo((1000 * result.batch) / result.beforeMs, 6);
  }
});

test('the report as text, on stdout alone', async () => {
  const { code, stdout, stderr } = await spherize(folder, 'bench', 'small.onnx', 'half.onnx', ...QUICK);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^ +before +after +ratio\n/);
  expect(stdout).toMatch(/^file +0\.\d{3} MB +0\.\d{3} MB +\d\.\d\d×$/m);
  expect(stdout).toMatch(/^file, gzip -6 /m);
  expect(stdout).toMatch(/^parameters +4,022 +2,\d{3} +1\.\d\d×$/m);
  expect(stdout).toMatch(/^multiply-accumulates per sample +5,232 +3,264 +1\.60×$/m);
  expect(stdout).toMatch(/^session memory /m);
  expect(stdout).toMatch(/^batch +before, ms +quartiles +after, ms +quartiles +speedup /m);
  for (const batch of [1, 16, 64]) expect(stdout).toMatch(new RegExp(`^ *${batch} +[\\d.]+ `, 'm'));
});

test('a model that fixes its batch size runs with that one', async () => {
  const args = ['bench', 'fixed.onnx', 'fixed.onnx', '--batch', '1,3', ...QUICK];
  const { code, stdout, stderr } = await spherize(folder, ...args, '--json');
  expect([code, stderr]).toEqual([0, 'batch 1 skipped: the model fixes its batch size to 3\n']);
  const report = JSON.parse(stdout) as BenchReport;
  expect(report.batches.map(({ batch }) => batch)).toEqual([3]);
  expect(report.skippedBatches).toEqual([1]);
  // Per sample, although three run at a time.
  expect(report.macs).toEqual({ before: 8, after: 8 });
});

test('free axes that are set to 1 are named, those that --shape sets are not', async () => {
  const args = ['bench', 'any-size.onnx', 'any-size.onnx', '--batch', '1,2', ...QUICK];
  const { code, stderr } = await spherize(folder, ...args);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr:
      "input 'image' of shape [any, 2, any, any]: axes 2, 3 set to 1, set others with --shape image=?,2,N,N\n",
  });
  const report = await spherizeJson<BenchReport>(folder, ...args, '--shape', 'image=?,2,8,6');
  expect(report.macs).toEqual({ before: 6, after: 6 });
});

test.each([
  ['small.onnx', 'two.onnx', "'small.onnx' [?, 1, 6, 6], 'two.onnx' [?, 36] and [?, 36]"],
  ['fixed.onnx', 'convolution.onnx', "'fixed.onnx' [3, 4], 'convolution.onnx' [?, 1, 6, 6]"],
])('%s and %s take different inputs', async (before, after, shapes) => {
  expect(await spherize(folder, 'bench', before, after, ...QUICK)).toEqual({
    code: 2,
    stdout: '',
    stderr: `spherize: the models take different inputs: ${shapes}: give a model and its compressed form\n`,
  });
});

test.each([
  [['--batch', '0'], '--batch: expected a whole number of at least 1'],
  [['--batch', '1,x'], "--batch: expected a number, got 'x'"],
  [['--seconds', '-1'], "--seconds: expected at least 0, got '-1'"],
])('%j is refused', async (args, message) => {
  const { code, stdout, stderr } = await spherize(folder, 'bench', 'small.onnx', 'half.onnx', ...args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});
