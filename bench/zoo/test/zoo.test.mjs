/** Two small models through all of the zoo but npm. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelBuilder } from '../../../packages/adapters-onnx/test/build-model.js';
import { modelsBelow } from '../install.mjs';
import { measureModel } from '../measure.mjs';
import { shapesFor } from '../packages.mjs';
import { measureApart } from '../run-apart.mjs';
import { shares } from '../shares.mjs';
import { markdownOf, tables, textOf } from '../table.mjs';

/** 6 → 8 → 4, with a table of 5 numbers that no layer reads. */
function perceptron() {
  const b = new ModelBuilder();
  const hidden = b.node('Gemm', [
    b.input('x', [undefined, 6]),
    b.weight('a', [6, 8]),
    b.weight('a.bias', [8]),
  ]);
  b.node('Gemm', [b.node('Relu', [hidden]), b.weight('b', [8, 4])], {}, ['y']);
  return b.output('y', [undefined, 4]);
}

/** A convolution over images of any size, and nothing behind it. */
function convolution() {
  const b = new ModelBuilder();
  b.node('Conv', [b.input('image', [undefined, 3, undefined, undefined]), b.weight('k', [4, 3, 1, 1])], {}, [
    'y',
  ]);
  return b.output('y', [undefined, 4, undefined, undefined]);
}

let folder;
let found;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spherize-zoo-test-'));
  mkdirSync(join(folder, 'deep'));
  writeFileSync(join(folder, 'deep', 'mlp.onnx'), perceptron().build());
  writeFileSync(join(folder, 'any.onnx'), convolution().build());
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'model.json'), '{"modelTopology":{"node":[]},"weightsManifest":[]}');
  found = modelsBelow(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('models are found in folders, other JSON is not one', () => {
  expect(found.map(({ name, format }) => [name, format])).toEqual([
    ['any.onnx', 'ONNX'],
    ['deep/mlp.onnx', 'ONNX'],
    ['model.json', 'GraphModel'],
  ]);
});

test('free axes get lengths: the batch none, images a size, by the side on which their channels lie', () => {
  const shapes = (model, ...list) =>
    shapesFor(
      model,
      list.map((shape, i) => ({ name: `x${i}`, shape })),
    ).map(({ input, shape }) => [input, ...shape]);
  expect(shapes('a', [undefined, 3, undefined, undefined], [2, 8], [1, undefined, undefined, 3])).toEqual([
    ['x0', undefined, 3, 256, 256],
    ['x2', 1, 256, 256, 3],
  ]);
  expect(shapes('@upscalerjs/models/a', [undefined, undefined, undefined, 3])).toEqual([
    ['x0', undefined, 32, 32, 3],
  ]);
  expect(shapes('a', [1, undefined, 5])).toEqual([['x0', 1, 16, 5]]);
});

describe('shares', () => {
  test('count every parameter once', () => {
    // Both layers are fully connected, and all of them leave with the hidden neurons but the last layer's absent bias.
    expect(shares(onnxModel(perceptron().build()))).toEqual({
      total: 6 * 8 + 8 + 8 * 4,
      widths: 6 * 8 + 8 + 8 * 4,
      layers: 6 * 8 + 8 + 8 * 4,
      offered: 6 * 8 + 8 + 8 * 4,
      reasons: {},
    });
  });

  test('name what keeps the rest, without names of the model', () => {
    const { offered, reasons } = shares(onnxModel(convolution().build()));
    expect(offered).toBe(0);
    expect(reasons).toEqual({
      'rows: … is an output of the model; columns: no features come in': 12,
    });
  });

  test('of a layer of which some rows may leave, count those', () => {
    const b = new ModelBuilder();
    const maps = b.node('MatMul', [b.input('x', [undefined, 6]), b.weight('a', [6, 8])]);
    const [kept, read] = ['kept', 'read'];
    b.node('Split', [maps, b.integers([3, 5])], { axis: 1 }, [kept, read]);
    b.node('MatMul', [b.node('Relu', [read]), b.weight('b', [5, 4])], {}, ['y']);
    const model = onnxModel(b.output('kept', [undefined, 3]).output('y', [undefined, 4]).build());
    expect(shares({ ...viewOf(model), layers: [] })).toMatchObject({
      widths: 6 * 5 + 5 * 4,
      reasons: { 'rows: … is an output of the model; columns: no features come in': 6 * 3 },
    });
  });
});

describe('a model', () => {
  const settings = { ratios: [0.5], seconds: 0, quick: true };
  const limits = { seconds: 100, bytes: 8e9 };

  test('is measured, and has its row in every table', async () => {
    const steps = [];
    await measureModel(found[1], settings, (step) => steps.push(structuredClone(step)));
    const result = steps.at(-1);
    expect(result.results).toHaveLength(1);
    const [{ ratio, proof, macs, bytes, seconds }] = result.results;
    expect({ ratio, macs }).toEqual({ ratio: 0.5, macs: 6 * 4 + 4 * 4 });
    expect(proof.deviation).toBeLessThan(1e-4);
    expect(bytes).toBeLessThan(result.bytes);
    expect(seconds).toBeGreaterThan(0);
    expect(titles([entry('mlp', result)])).toEqual([
      'Parameters offered: 1 models with 88 parameters',
      'Models',
      '50 % of the neurons gone',
    ]);
  });

  test('of which nothing may leave is not compressed', async () => {
    const steps = [];
    await measureModel(found[0], settings, (step) => steps.push(structuredClone(step)));
    expect(steps.at(-1)).toMatchObject({ macs: 256 * 256 * 12, results: [] });
  });

  test('that fails in a process of its own leaves its line and what was found before', async () => {
    const failed = await measureApart(
      { name: 'broken', path: join(folder, 'package.json') },
      settings,
      limits,
    );
    expect(failed).toEqual({ failed: expect.stringMatching(/^InputError: .*package\.json/) });
  });

  test('is given up when its process ends, or takes too long', async () => {
    const worker = (text) => {
      const path = join(folder, 'worker.mjs');
      writeFileSync(path, `process.send({ found: { bytes: 1 } }, () => { ${text} });`);
      return path;
    };
    const run = (text, own) =>
      measureApart(found[1], settings, { ...limits, ...own }, undefined, worker(text));
    expect(await run('process.exit(7)')).toEqual({ bytes: 1, failed: 'the process ended with 7' });
    expect(await run('setInterval(() => {}, 1000)', { seconds: 1 })).toMatchObject({ failed: 'over 1 s' });
  });
});

describe('tables', () => {
  const latency = (before, after) => ({
    before: { median: before, quartiles: [before, before] },
    after: { median: after, quartiles: [after, after] },
  });
  const measured = (own) => ({
    ratio: 0.5,
    bytes: 50,
    macs: 40,
    outputError: 0.1,
    agreement: null,
    seconds: 1,
    proof: { deviation: 1e-6 },
    ...own,
  });
  const result = (own) => ({
    bytes: 100,
    macs: 100,
    refitted: 0,
    shares: { total: 1000, widths: 800, layers: 100, offered: 850, reasons: { 'a | b': 150 } },
    results: [measured(own)],
  });
  const faster = entry('faster', result({ latency: latency(4, 2) }));
  const slower = entry('slower', result({ latency: latency(2, 4), bytes: 130 }));
  const broken = entry('broken', { failed: 'Error: why' });

  test('name what got larger or slower, and what failed', () => {
    const found = tables([faster, slower, broken], [0.5]);
    const table = (title) => found.find((one) => one.title === title)?.rows;
    expect(table('Larger or slower')).toEqual([['slower', '50 %', '30 bytes larger, 0.50 times as fast']]);
    expect(table('Failed')).toEqual([['broken', 'ONNX', 'Error: why']]);
    expect(table('What keeps parameters from being offered')).toEqual([['300', '15 %', '2', 'a | b']]);
    expect(table('Parameters offered: 2 models with 2,000 parameters')?.at(-1)).toEqual([
      'in either',
      '85 %',
      '85 %',
    ]);
  });

  test('are text and Markdown', () => {
    const list = tables([faster], [0.5]).filter(({ title }) => title.startsWith('What'));
    expect(textOf(list)).toBe(
      'What keeps parameters from being offered\n\nparameters  of all  models  reason\n       150    15 %       1  a | b',
    );
    expect(markdownOf(list)).toBe(
      '## What keeps parameters from being offered\n\n| parameters | of all | models | reason |\n| ---: | ---: | ---: | --- |\n| 150 | 15 % | 1 | a \\| b |',
    );
  });
});

function entry(model, result) {
  return { model, format: 'ONNX', result };
}

function titles(entries) {
  return tables(entries, [0.5]).map(({ title }) => title);
}

/** A model whose properties can be replaced. */
function viewOf(model) {
  const { parameters, skipped, features, graph, inputs } = model;
  return { parameters, skipped, features, graph, inputs, bias: () => undefined };
}
