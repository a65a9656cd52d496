import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelFormat } from '@spherize/core';
import { matrixEngineContract, modelFormatContract } from '@spherize/core/testing';
import { replaceFile } from '@spherize/files';
import * as wasm from 'onnxruntime-web/wasm';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { bytesHost } from '../src/bytes-host.js';
import { readModel } from '../src/file/read-model.js';
import type { OnnxHost } from '../src/host.js';
import { onnxFormat } from '../src/node.js';
import { openBytes } from '../src/open-model.js';
import { encodedModel } from '../src/proto/encode-model.js';
import { ModelBuilder } from './build-model.js';
import { RUNTIMES } from './runtimes.js';

const folder = await mkdtemp(join(tmpdir(), 'spherize-onnx-'));
const sample = {
  model: join(folder, 'model.onnx'),
  broken: join(folder, 'broken.onnx'),
  output: join(folder, 'written.onnx'),
};
/** With nothing but linear operations between its layers. */
const linear = { ...sample, model: join(folder, 'linear.onnx') };

beforeAll(async () => {
  const b = new ModelBuilder();
  // Large enough to be stored in other types.
  let x = b.input('x', [undefined, 32]);
  x = b.node('Relu', [
    b.node('Gemm', [x, b.weight('fc1.weight', [40, 32]), b.weight('fc1.bias', [40])], { transB: 1 }),
  ]);
  const vectors = ['scale', 'shift', 'mean'].map((name) => b.weight(name, [40]));
  x = b.node('BatchNormalization', [x, ...vectors, b.weight('variance', [40], new Float32Array(40).fill(2))]);
  x = b.node('Sigmoid', [
    b.node('Gemm', [x, b.weight('fc2.weight', [10, 40]), b.weight('fc2.bias', [10])], { transB: 1 }),
  ]);
  b.node('MatMul', [x, b.weight('fc3.weight', [10, 5])], {}, ['y']);
  b.output('y', [undefined, 5]);
  await writeFile(sample.model, b.build());
  await writeFile(linear.model, linearModel());
  await writeFile(sample.broken, 'not a model');
});

function linearModel(): Uint8Array {
  const b = new ModelBuilder();
  const first = b.node('MatMul', [b.input('x', [undefined, 8]), b.weight('fc1.weight', [8, 12])]);
  const wide = b.node('Reshape', [b.node('Neg', [first]), b.integers([0, 1, 12])]);
  const shifted = b.node('Add', [b.node('Reshape', [wide, b.integers([-1, 12])]), b.weight('beta', [12])]);
  const second = b.node('Gemm', [shifted, b.weight('fc2.weight', [10, 12]), b.weight('fc2.bias', [10])], {
    transB: 1,
  });
  b.node('MatMul', [b.node('Dropout', [second]), b.weight('fc3.weight', [10, 5])], {}, ['y']);
  return b.output('y', [undefined, 5]).build();
}

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Files as bytes, models in wasm: what a page does that has files. */
const inWasm: ModelFormat = {
  ...onnxFormat,
  async read(source, options = {}) {
    const bytes = new Uint8Array((await readModel(source)).bytes);
    const host: OnnxHost = {
      ...bytesHost(wasm),
      write: ({ proto, bytes: own }, target) => replaceFile(target, own ?? encodedModel(proto)),
    };
    return { model: openBytes(bytes, host, options), bytes: bytes.length };
  },
};

describe.each([
  ['files and the native runtime', onnxFormat],
  ['bytes and wasm', inWasm],
])('with %s the contract of model formats is kept', (_, format) => {
  for (const { name, run } of modelFormatContract(format, sample)) test(name, run);
  describe('where all is linear', () => {
    for (const { name, run } of modelFormatContract(format, linear)) test(name, run);
  });
});

describe.each(RUNTIMES)(
  'the $runtime engine keeps the contract of matrix engines',
  ({ onnxRuntimeEngine }) => {
    const engine = onnxRuntimeEngine();
    afterAll(() => engine.release());
    for (const { name, run } of matrixEngineContract(engine)) test(name, run);
  },
);
