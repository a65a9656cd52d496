/** `--weights`: how the written file holds its weights, alone and with a reduction. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { write } from '../data/data-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Report {
  bytesBefore: number;
  bytesAfter: number;
  outputError: number;
  reductions: unknown[];
  storage?: { weights: string; tensors: number; rounding: string | null; weightError: number };
}

const folder = temporaryFolder();
beforeAll(() => write(folder, 'wide.onnx', perceptron()));

/** `x → fc1 → Relu → fc2`, large enough to be stored in other types. */
function perceptron(): Uint8Array {
  const b = new ModelBuilder();
  const hidden = b.node('MatMul', [b.input('x', [undefined, 48]), b.weight('fc1', [48, 64])]);
  b.node('MatMul', [b.node('Relu', [hidden]), b.weight('fc2', [64, 24])], {}, ['y']);
  return b.output('y', [undefined, 24]).build();
}

const compress = (output: string, ...args: string[]): Promise<Report> =>
  spherizeJson(folder, 'compress', 'wide.onnx', '-o', output, ...args);
const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));

describe('alone', () => {
  test('int8 is a good quarter of the bytes, and its recipe gives the same bytes', async () => {
    const report = await compress('small.onnx', '--reduce', 'none', '--weights', 'int8');
    expect(report.bytesAfter).toBe(statSync(join(folder, 'small.onnx')).size);
    expect(report.bytesAfter / report.bytesBefore).toBeLessThan(0.4);
    expect(report.storage).toMatchObject({ weights: 'int8', tensors: 2, rounding: null });
    expect(report.reductions).toEqual([]);
    expect(report.outputError).toBeGreaterThan(0);
    expect(report.outputError).toBeLessThan(1e-2);
    const first = bytesOf('small.onnx');
    expect(JSON.parse(bytesOf('small.recipe.json').toString())).toMatchObject({
      reduce: 'none',
      weights: 'int8',
    });
    await spherize(folder, 'compress', '--config', 'small.recipe.json', '-o', 'again.onnx');
    expect(bytesOf('again.onnx')).toEqual(first);
  });

  test('the summary says how weights are stored and that the file computes so', async () => {
    const { stdout } = await spherize(
      folder,
      ...['compress', 'wide.onnx', '-o', 'half.onnx', '--reduce', 'none', '--weights', 'float16'],
    );
    expect(stdout).toMatch(
      /storage: float16: 4,608 weights of 2 tensors rounded to the nearest, \d\.\d\d % off/,
    );
    expect(stdout).toMatch(/verified: the file computes what its rounded weights say/);
    expect(stdout).not.toContain('calibrated');
  });
});

describe('with a reduction', () => {
  test('columns are clustered, then stored', async () => {
    const plain = await compress('columns.onnx', '--ratio', '0.5');
    const stored = await compress('columns8.onnx', '--ratio', '0.5', '--weights', 'int8');
    expect(plain.storage).toBeUndefined();
    expect(stored.storage).toMatchObject({ weights: 'int8', rounding: null });
    expect(stored.bytesAfter).toBeLessThan(0.75 * plain.bytesAfter);
  });

  test('a target counts the bytes as they are stored', async () => {
    const { bytesAfter, bytesBefore, reductions } = await compress(
      ...(['target.onnx', '--reduce', 'neurons', '--target-size', '0.5', '--weights', 'int8'] as const),
    );
    expect(bytesAfter / bytesBefore).toBeLessThan(0.5);
    // int8 alone reaches it.
    expect(reductions).toMatchObject([{ to: expect.toSatisfy((to: number) => to > 60) }]);
  });

  test('a model that is stored so stays so', async () => {
    const before = await spherizeJson<Report>(
      folder,
      ...['compress', 'small.onnx', '-o', 'smaller.onnx', '--reduce', 'neurons', '--ratio', '0.5'],
    );
    expect(before.storage).toMatchObject({ weights: 'int8' });
    expect(before.bytesAfter).toBeLessThan(before.bytesBefore);
  });
});
