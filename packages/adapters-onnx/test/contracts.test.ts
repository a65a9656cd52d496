import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matrixEngineContract, modelFormatContract } from '@spherize/core/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { onnxFormat, onnxRuntimeEngine } from '../src/index.js';
import { ModelBuilder } from './build-model.js';

const folder = await mkdtemp(join(tmpdir(), 'spherize-onnx-'));
const sample = {
  model: join(folder, 'model.onnx'),
  broken: join(folder, 'broken.onnx'),
  output: join(folder, 'written.onnx'),
};
const engine = onnxRuntimeEngine();

beforeAll(async () => {
  const b = new ModelBuilder();
  let x = b.input('x', [undefined, 8]);
  x = b.node('Relu', [
    b.node('Gemm', [x, b.weight('fc1.weight', [12, 8]), b.weight('fc1.bias', [12])], { transB: 1 }),
  ]);
  x = b.node('Sigmoid', [
    b.node('Gemm', [x, b.weight('fc2.weight', [10, 12]), b.weight('fc2.bias', [10])], { transB: 1 }),
  ]);
  b.node('MatMul', [x, b.weight('fc3.weight', [10, 5])], {}, ['y']);
  b.output('y', [undefined, 5]);
  await writeFile(sample.model, b.build());
  await writeFile(sample.broken, 'not a model');
});

afterAll(async () => {
  await engine.release();
  await rm(folder, { recursive: true });
});

describe('onnxFormat keeps the contract of model formats', () => {
  for (const { name, run } of modelFormatContract(onnxFormat, sample)) test(name, run);
});

describe('onnxRuntimeEngine keeps the contract of matrix engines', () => {
  for (const { name, run } of matrixEngineContract(engine)) test(name, run);
});
