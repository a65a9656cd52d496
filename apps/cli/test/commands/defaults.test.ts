/** `compress` with nothing but a model: what people type first. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { describe, expect, test } from 'vitest';
import { writeRedundantFiles } from './redundant-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Report {
  output: string | null;
  reason?: string;
  bytesBefore: number;
  bytesAfter: number;
  outputError: number;
  storage?: { weights: string };
  target: { maxError: number; reached: number };
  reductions: { width: string; from: number; to: number }[];
}

const folder = temporaryFolder();
writeRedundantFiles(folder);

describe('a network with neurons that others can stand in for', () => {
  test('goes beside the original as NAME.small.onnx, within the default error', async () => {
    const { output, ...report } = await spherizeJson<Report>(folder, 'compress', 'redundant.onnx');
    expect(output).toBe('redundant.small.onnx');
    expect(report.target.maxError).toBe(0.002);
    expect(report.target.reached).toBeLessThanOrEqual(0.002);
    // What others can stand in for leaves for nothing.
    expect(report.outputError).toBeLessThan(1e-4);
    expect(report.bytesAfter).toBeLessThan(0.25 * report.bytesBefore);
    const { model } = await onnxFormat.read(join(folder, 'redundant.small.onnx'));
    for (const { width, from, to } of report.reductions) {
      expect(to % 8 === 0 || to === from, width).toBe(true);
      expect(model.layers.find(({ name }) => name === width)?.outputs).toBe(to);
    }
  });

  test('the recipe says what was meant, and gives the same bytes', async () => {
    const recipe = JSON.parse(readFileSync(join(folder, 'redundant.small.recipe.json'), 'utf8'));
    expect(recipe).toMatchObject({ output: 'redundant.small.onnx', reduce: 'auto', 'max-error': 0.002 });
    await spherizeJson(folder, 'compress', '--config', 'redundant.small.recipe.json', '-o', 'again.onnx');
    expect(readFileSync(join(folder, 'again.onnx'))).toEqual(
      readFileSync(join(folder, 'redundant.small.onnx')),
    );
  });

  test('more error, less model', async () => {
    const bytes = async (error: string): Promise<number> =>
      (await spherizeJson<Report>(folder, 'compress', 'redundant.onnx', '--max-error', error)).bytesAfter;
    expect(await bytes('0.3')).toBeLessThan(await bytes('0.001'));
  });

  test('what is seen of it', async () => {
    const { code, stdout } = await spherize(folder, 'compress', 'redundant.onnx', '-o', 'seen.onnx');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(30);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    expect(lines.at(-2)).toMatch(
      /^\d\.\d+ × smaller, (\d\.\d+ × (faster|slower)|as fast within noise), answers unchanged on \d+\.\d % of 400 unseen inputs$/,
    );
  });
});

describe('a network without slack', () => {
  test('has its weights stored in fewer bits, as the recipe says', async () => {
    const report = await spherizeJson<Report>(folder, 'compress', 'full.onnx');
    expect(report.output).toBe('full.small.onnx');
    expect(report.bytesAfter).toBeLessThan(0.6 * report.bytesBefore);
    expect(report.outputError).toBeLessThan(0.001);
    expect(report.reductions).toEqual([]);
    const recipe = JSON.parse(readFileSync(join(folder, 'full.small.recipe.json'), 'utf8'));
    expect(recipe).toMatchObject({ reduce: 'none', weights: report.storage?.weights });
    expect(recipe).not.toHaveProperty('max-error');
    await spherizeJson(folder, 'compress', '--config', 'full.small.recipe.json', '-o', 'full-again.onnx');
    expect(readFileSync(join(folder, 'full-again.onnx'))).toEqual(
      readFileSync(join(folder, 'full.small.onnx')),
    );
  });

  test('keeps them as they are where that is said', async () => {
    const report = await spherizeJson<Report>(folder, 'compress', 'full.onnx', '--weights', 'float32');
    expect(report).toMatchObject({ output: null, reason: expect.any(String) });
  });
});

describe('a network with nothing to gain', () => {
  test('ends with one sentence, and no file', async () => {
    const before = readdirSync(folder).sort();
    const { code, stdout, stderr } = await spherize(folder, 'compress', 'tight.onnx');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^nothing to gain: .*; no file is written\n$/);
    expect(readdirSync(folder).sort()).toEqual(before);
    const report = await spherizeJson<Report>(folder, 'compress', 'tight.onnx');
    expect(report).toMatchObject({ output: null, reason: expect.any(String) });
  });

  test('nor a folder', async () => {
    mkdirSync(join(folder, 'own'));
    copyFileSync(join(folder, 'tight.onnx'), join(folder, 'own', 'tight.onnx'));
    await spherize(folder, 'compress', 'own/tight.onnx');
    expect(existsSync(join(folder, 'own', 'tight.small.onnx'))).toBe(false);
  });
});
