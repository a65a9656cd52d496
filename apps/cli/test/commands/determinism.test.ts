/** What is promised of repeated runs: see "The same bytes" in the command's README. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import {
  clusterColumns,
  compressedLayer,
  denseMatrix,
  kmeans,
  portableEngine,
  prepareColumns,
  Random,
  relativeError,
  spherical,
} from '@spherize/core';
import { beforeAll, expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { write } from '../data/data-files.js';
import { spherize, temporaryFolder } from './spawn-spherize.js';

const BINARY = fileURLToPath(new URL('../../bin/spherize.js', import.meta.url));
const folder = temporaryFolder();
const hasTaskset = spawnSync('taskset', ['--version']).status === 0;

/** Large enough that its products are divided among threads. */
function model(): Uint8Array {
  const builder = new ModelBuilder();
  let tensor = builder.input('x', [undefined, 300]);
  for (const [name, outputs, inputs] of [
    ['fc1', 400, 300],
    ['fc2', 200, 400],
    ['fc3', 10, 200],
  ] as const) {
    const operands = [
      builder.weight(`${name}.weight`, [outputs, inputs]),
      builder.weight(`${name}.bias`, [outputs]),
    ];
    tensor = builder.node('Gemm', [tensor, ...operands], { transB: 1 });
    if (name !== 'fc3') tensor = builder.node('Relu', [tensor]);
  }
  builder.node('Identity', [tensor], {}, ['y']);
  return builder.output('y', [undefined, 10]).build();
}

const args = (output: string) => ['compress', 'model.onnx', '-o', output, '--ratio', '0.5', '--seed', '3'];
const bytes = (name: string) => readFileSync(join(folder, name));

beforeAll(async () => {
  write(folder, 'model.onnx', model());
  expect((await spherize(folder, ...args('first.onnx'))).code).toBe(0);
}, 60_000);

test('the same command writes the same bytes', async () => {
  await spherize(folder, ...args('second.onnx'));
  expect(bytes('second.onnx').equals(bytes('first.onnx'))).toBe(true);
});

test.skipIf(!hasTaskset)('on one processor as on all (with taskset)', () => {
  execFileSync('taskset', ['-c', '0', process.execPath, BINARY, ...args('one.onnx')], { cwd: folder });
  expect(bytes('one.onnx').equals(bytes('first.onnx'))).toBe(true);
});

/** What the two engines' rounding may change of a layer's error: neighbours of equal distance change places. */
const ENGINE_TOLERANCE = 0.01;

test.each([kmeans, spherical])(
  '$name: the portable engine and onnxruntime agree up to rounding',
  async (clusterer) => {
    const random = new Random(5);
    const weights = denseMatrix(
      60,
      200,
      Float32Array.from({ length: 60 * 200 }, () => random.normal()),
    );
    const errors: number[] = [];
    const grams: Float32Array[] = [];
    for (const engine of [portableEngine, onnxRuntimeEngine()]) {
      const columns = await prepareColumns(weights, engine);
      grams.push(columns.gram.values!);
      const clustering = await clusterColumns(clusterer, columns, 50, { seed: 1 });
      errors.push(relativeError(weights, compressedLayer(weights, columns, clustering)));
    }
    const largest = grams[0]!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Sums of 60 products in float32.
    expect(grams[0]!.every((value, i) => Math.abs(value - grams[1]![i]!) <= 1e-5 * largest)).toBe(true);
    expect(Math.abs(errors[0]! - errors[1]!)).toBeLessThan(ENGINE_TOLERANCE * errors[0]!);
  },
);
