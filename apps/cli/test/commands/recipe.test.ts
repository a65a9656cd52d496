/** Recipes: what a run writes, and that following it does the same again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { writeSmallFiles } from './small-files.js';
import { spherize, temporaryFolder } from './spawn-spherize.js';

const PUBLISHED = new URL('../../dist/recipe.schema.json', import.meta.url);

const folder = temporaryFolder();
writeSmallFiles(folder);
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const bytes = (name: string): Buffer => readFileSync(join(folder, name));
const validate = new Ajv2020({ allowUnionTypes: true }).compile(JSON.parse(readFileSync(PUBLISHED, 'utf8')));

async function run(...args: string[]): Promise<void> {
  const { code, stderr } = await spherize(folder, ...args);
  expect([code, stderr]).toEqual([0, '']);
}

test('a compression writes its recipe, and following it gives the same bytes', async () => {
  await run(
    'compress',
    'small.onnx',
    '-o',
    'half.onnx',
    '--ratio',
    'fc1=0.5',
    '--ratio',
    'fc2=0.25',
    '--seed',
    '3',
  );
  const recipe = JSON.parse(read('half.recipe.json'));
  expect(recipe).toMatchObject({
    command: 'compress',
    model: 'small.onnx',
    output: 'half.onnx',
    ratio: ['fc1=0.5', 'fc2=0.25'],
    clusterer: 'spherical',
    algorithm: 'hartigan',
    sparsity: 0,
    seed: 3,
  });
  expect(recipe).not.toHaveProperty('memory');
  expect(validate(recipe), JSON.stringify(validate.errors)).toBe(true);
  await run('compress', '--config', 'half.recipe.json', '-o', 'again.onnx');
  expect(bytes('again.onnx').equals(bytes('half.onnx'))).toBe(true);
  expect(JSON.parse(read('again.recipe.json'))).toEqual({ ...recipe, output: 'again.onnx' });
});

test('a sweep writes its recipe, and following it gives the same results', async () => {
  const grid = [
    '--ratios',
    '0.5,0.8',
    '--clusterers',
    'kmeans',
    '--sparsities',
    '0.3',
    '--layers',
    'fc1,fc2',
  ];
  await run('sweep', 'small.onnx', '--data', 'npy:X.npy,Y.npy', '--out', 'first', ...grid, '--limit', '20');
  const recipe = JSON.parse(read('first/recipe.json'));
  expect(recipe).toMatchObject({
    data: 'npy:X.npy,Y.npy',
    ratios: [0.5, 0.8],
    layers: ['fc1', 'fc2'],
    limit: 20,
  });
  expect(validate(recipe), JSON.stringify(validate.errors)).toBe(true);
  await run('sweep', '--config', 'first/recipe.json', '--out', 'second');
  expect(read('second/accuracy.svg')).toBe(read('first/accuracy.svg'));
  const timeless = (name: string): string => read(name).replace(/"seconds": [\d.e-]+/g, '');
  expect(timeless('second/results.json')).toBe(timeless('first/results.json'));
  expect(read('first/report.html')).toContain('--clusterers=kmeans');
  const before = read('first/report.html');
  await run('report', 'first');
  expect(read('first/report.html')).toBe(before);
});

test.each([
  { command: 'compress', ratios: 0.5 },
  { command: 'sweep', seed: 'one' },
  { command: 'frobnicate' },
])('the schema refuses %o', (recipe) => {
  expect(validate(recipe)).toBe(false);
});

test('the command line wins over the recipe, and ratios may be an object', async () => {
  const recipe = {
    model: 'small.onnx',
    output: 'c.onnx',
    ratio: { fc1: 0.5 },
    layers: ['fc1'],
    seed: 9,
    verbose: true,
  };
  const { verbose, ...sound } = recipe;
  writeFileSync(join(folder, 'own.json'), JSON.stringify(sound));
  await run('compress', '--config=own.json', '--seed', '4');
  expect(JSON.parse(read('c.recipe.json'))).toMatchObject({ ratio: ['fc1=0.5'], seed: 4 });
});

test.each([
  ['missing.json', undefined, "--config: 'missing.json' cannot be read: give a recipe file"],
  [
    'text.json',
    'no json',
    "--config: 'text.json' is not JSON: Unexpected token 'o', \"no json\" is not valid JSON",
  ],
  ['list.json', '[]', "--config: 'list.json' must hold one JSON object"],
  [
    'other.json',
    '{"command":"sweep"}',
    "--config: 'other.json' is a recipe of 'sweep': use it with spherize sweep",
  ],
  [
    'value.json',
    '{"model":"small.onnx","seed":-1}',
    "--seed: expected a whole number of at least 0, got '-1'",
  ],
])('%s is refused', async (name, content, line) => {
  if (content !== undefined) writeFileSync(join(folder, name), content);
  expect(await spherize(folder, 'inspect', '--config', name)).toEqual({
    code: 2,
    stdout: '',
    stderr: `spherize: ${line}\n`,
  });
});

test('a key that is no flag is refused with those that are', async () => {
  writeFileSync(join(folder, 'key.json'), '{"model":"small.onnx","ratios":0.5}');
  const { code, stderr } = await spherize(folder, 'inspect', '--config', 'key.json');
  expect(code).toBe(2);
  expect(stderr).toContain("has 'ratios', expected one of model, format, dequantize, seed");
});
