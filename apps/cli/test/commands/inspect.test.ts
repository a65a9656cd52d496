import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { modelWithoutLayers, productsInARow, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
writeFileSync(join(folder, 'conv.onnx'), modelWithoutLayers());
writeFileSync(join(folder, 'row.onnx'), productsInARow());

/** A width of one block that one layer makes. */
const width = (name: string, more: object): object => ({
  name,
  blocks: 1,
  producers: [name],
  consumers: [],
  operations: [],
  residual: false,
  reductions: ['columns', 'neurons'],
  reason: null,
  ...more,
});

test('a table of the layers', async () => {
  const { code, stdout, stderr } = await spherize(folder, 'inspect', 'small.onnx');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.split('\n').map((line) => line.replace(/─+/, '─').replace(/ {2,}/g, ' | '))).toEqual([
    'model | small.onnx: onnx, 0.017 MB',
    'inputs | image ?×1×6×6 float32',
    'outputs | scores ?×6 float32',
    'weights | 4,022 parameters: 97.9 % products, 1.2 % others, 0.9 % convolutions',
    'computes | 5,232 multiply-accumulates per sample',
    'widths | 3 of 4 can become narrower; all at half: 3.8 × fewer parameters, 3.2 × fewer multiply-accumulates',
    '',
    'layer | outputs | inputs | sparsity | folds into | how',
    '─',
    'fc1 | 24 | 144 | 0.0 % | – | after a convolution: each of the 4 filters of conv_0 feeds several of the 144 columns',
    'fc2 | 16 | 24 | 0.0 % | fc1 | folds into fc1 through relu_3',
    'fc3 | 6 | 16 | 0.0 % | fc2 | folds into fc2 through relu_4',
    '',
    'width | features | parameters | made by | read by | may leave',
    '─',
    'conv | 4 | 3496 | conv | fc1 | yes',
    'fc1 | 24 | 3864 | fc1 | fc2 | yes',
    'fc2 | 16 | 496 | fc2 | fc3 | yes',
    'fc3 | 6 | 102 | fc3 | – | no: scores is an output of the model',
    '',
    'next: spherize compress small.onnx',
    '',
  ]);
});

test('a model alone is inspected, and what is no model is an unknown command', async () => {
  const { stdout } = await spherize(folder, 'inspect', 'small.onnx');
  expect(await spherize(folder, 'small.onnx')).toEqual({ code: 0, stdout, stderr: '' });
  expect(await spherizeJson(folder, 'small.onnx')).toEqual(
    await spherizeJson(folder, 'inspect', 'small.onnx'),
  );
  expect((await spherize(folder, 'smal.onnx')).stderr).toMatch(/^spherize: unknown command 'smal\.onnx'/);
});

test('nothing typed is the help, with examples', async () => {
  const { code, stdout } = await spherize(folder);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: spherize /);
  expect(stdout.match(/^ {2}\$ spherize /gm)).toHaveLength(3);
});

test('the layers as JSON', async () => {
  expect(await spherizeJson(folder, 'inspect', 'small.onnx')).toEqual({
    parameters: 4022,
    layers: [
      {
        name: 'fc1',
        outputs: 24,
        inputs: 144,
        kind: 'product',
        parameters: 3480,
        sparsity: 0,
        fold: { into: null, reason: expect.stringContaining('after a convolution') },
      },
      {
        name: 'fc2',
        outputs: 16,
        inputs: 24,
        kind: 'product',
        parameters: 400,
        sparsity: 0,
        fold: { into: 'fc1', reason: expect.stringContaining('folds into fc1') },
      },
      {
        name: 'fc3',
        outputs: 6,
        inputs: 16,
        kind: 'product',
        parameters: 102,
        sparsity: 0,
        fold: { into: 'fc2', reason: expect.stringContaining('folds into fc2') },
      },
    ],
    widths: [
      width('conv', { size: 4, parameters: 36 + 4 + 24 * 144, consumers: ['fc1'] }),
      width('fc1', { size: 24, parameters: 24 * 145 + 16 * 24, consumers: ['fc2'] }),
      width('fc2', { size: 16, parameters: 16 * 25 + 6 * 16, consumers: ['fc3'] }),
      width('fc3', {
        size: 6,
        parameters: 6 * 17,
        reductions: [],
        reason: 'scores is an output of the model',
      }),
    ],
    skipped: [],
  });
});

type Inspected = { layers: { fold: unknown }[] };

test('where all is linear the sums fold, and compress writes no operation more', async () => {
  const { layers } = await spherizeJson<Inspected>(folder, 'inspect', 'row.onnx');
  expect(layers[1]?.fold).toEqual({
    into: 'first',
    reason: expect.stringMatching(/^the sums fold into first through added, dropout/),
  });
  const row = ['compress', 'row.onnx', '-o', 'half.onnx', '--ratio', 'second=0.5'];
  const written = await spherizeJson<Inspected & { bytesBefore: number; bytesAfter: number }>(folder, ...row);
  expect(written.layers).toMatchObject([{ name: 'second', columns: 24, clusters: 12, folded: true }]);
  expect(written.bytesAfter).toBeLessThan(0.75 * written.bytesBefore);
  const after = await spherizeJson<Inspected>(folder, 'inspect', 'half.onnx');
  expect(after.layers).toMatchObject([
    { name: 'first', outputs: 12, inputs: 6 },
    { name: 'second', outputs: 5, inputs: 12, fold: layers[1]?.fold },
  ]);
});

test('a model with nothing to compress', async () => {
  const reason = 'maps is an output of the model';
  expect(await spherizeJson(folder, 'inspect', 'conv.onnx')).toEqual({
    parameters: 36,
    layers: [],
    widths: [width('conv', { size: 4, parameters: 36, reductions: [], reason })],
    skipped: [{ name: 'conv', reason: `width conv stays: ${reason}`, parameters: 36 }],
  });
  const { code, stdout, stderr } = await spherize(folder, 'inspect', 'conv.onnx');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^model .*\n(?:\w+ .*\n)+\nnothing to compress: .*\n\nwidth [\s\S]*\n\nnot compressed .*\n─+\nconv +36 {2}width conv stays/,
  );
});

test('what is computed of free axes is said of usual lengths', async () => {
  const b = new ModelBuilder();
  const made = b.node('Conv', [
    b.input('image', [undefined, 3, undefined, undefined]),
    b.weight('made', [64, 3, 3, 3]),
  ]);
  b.node('Conv', [b.node('Relu', [made]), b.weight('read', [8, 64, 3, 3])], {}, ['maps']);
  writeFileSync(join(folder, 'any.onnx'), b.output('maps', [undefined, 8, undefined, undefined]).build());
  const { stdout } = await spherize(folder, 'inspect', 'any.onnx');
  expect(stdout).toMatch(/^computes {2}[\d,]+ multiply-accumulates per sample of \?×3×\d+×\d+$/m);
  expect(stdout).toMatch(/^widths .*, 2\.0 × fewer multiply-accumulates, about [12]\.\d × faster$/m);
});

test('the embedded model by its name', async () => {
  const { layers } = await spherizeJson<{ layers: { name: string; outputs: number; inputs: number }[] }>(
    folder,
    'inspect',
    'alexnet-fashion',
  );
  expect(layers.map(({ name, outputs, inputs }) => [name, outputs, inputs])).toEqual([
    ['conv2', 192, 64],
    ['conv3', 384, 192],
    ['conv4', 256, 384],
    ['conv5', 256, 256],
    ['fc6', 4096, 9216],
    ['fc7', 4096, 4096],
    ['fc8', 10, 4096],
  ]);
});
