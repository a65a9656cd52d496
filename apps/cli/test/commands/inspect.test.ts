import { expect, test } from 'vitest';
import { writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);

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
  ]);
});

test('the layers as JSON', async () => {
  expect(await spherizeJson(folder, 'inspect', 'small.onnx')).toEqual({
    layers: [
      {
        name: 'fc1',
        outputs: 24,
        inputs: 144,
        sparsity: 0,
        fold: { into: null, reason: expect.stringContaining('after a convolution') },
      },
      {
        name: 'fc2',
        outputs: 16,
        inputs: 24,
        sparsity: 0,
        fold: { into: 'fc1', reason: expect.stringContaining('folds into fc1') },
      },
      {
        name: 'fc3',
        outputs: 6,
        inputs: 16,
        sparsity: 0,
        fold: { into: 'fc2', reason: expect.stringContaining('folds into fc2') },
      },
    ],
    skipped: [],
  });
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
