import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelWithoutLayers, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
writeFileSync(join(folder, 'conv.onnx'), modelWithoutLayers());

test('a table of the layers', async () => {
  const { code, stdout, stderr } = await spherize(folder, 'inspect', 'small.onnx');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.split('\n').map((line) => line.replace(/─+/, '─').replace(/ {2,}/g, ' | '))).toEqual([
    'layer | outputs | inputs | sparsity | folds into | how',
    '─',
    'fc1 | 24 | 144 | 0.0 % | – | after a convolution: each of the 4 filters of conv_0 feeds several of the 144 columns',
    'fc2 | 16 | 24 | 0.0 % | fc1 | folds into fc1 through relu_3',
    'fc3 | 6 | 16 | 0.0 % | fc2 | folds into fc2 through relu_4',
    '',
    'not compressed | parameters | why',
    '─',
    'conv | 36 | a 3×3 convolution: only fully connected layers are compressed',
    '',
  ]);
});

test('the layers as JSON', async () => {
  expect(await spherizeJson(folder, 'inspect', 'small.onnx')).toEqual({
    parameters: 4022,
    layers: [
      {
        name: 'fc1',
        outputs: 24,
        inputs: 144,
        parameters: 3480,
        sparsity: 0,
        fold: { into: null, reason: expect.stringContaining('after a convolution') },
      },
      {
        name: 'fc2',
        outputs: 16,
        inputs: 24,
        parameters: 400,
        sparsity: 0,
        fold: { into: 'fc1', reason: expect.stringContaining('folds into fc1') },
      },
      {
        name: 'fc3',
        outputs: 6,
        inputs: 16,
        parameters: 102,
        sparsity: 0,
        fold: { into: 'fc2', reason: expect.stringContaining('folds into fc2') },
      },
    ],
    skipped: [
      {
        name: 'conv',
        reason: 'a 3×3 convolution: only fully connected layers are compressed',
        parameters: 36,
      },
    ],
  });
});

test('a model with nothing to compress', async () => {
  const reason = 'a 3×3 convolution: only fully connected layers are compressed';
  expect(await spherizeJson(folder, 'inspect', 'conv.onnx')).toEqual({
    parameters: 36,
    layers: [],
    skipped: [{ name: 'conv', reason, parameters: 36 }],
  });
  const { code, stdout, stderr } = await spherize(folder, 'inspect', 'conv.onnx');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^nothing to compress: .*\n\nnot compressed .*\n─+\nconv +36 {2}a 3×3 convolution/);
});

test('the embedded model by its name', async () => {
  const { layers } = await spherizeJson<{ layers: { name: string; outputs: number; inputs: number }[] }>(
    folder,
    'inspect',
    'alexnet-fashion',
  );
  expect(layers.map(({ name, outputs, inputs }) => [name, outputs, inputs])).toEqual([
    ['fc6', 4096, 9216],
    ['fc7', 4096, 4096],
    ['fc8', 10, 4096],
  ]);
});
