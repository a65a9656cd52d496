/** Recipes: what a run writes, and that following it does the same again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { createProgram } from '../../src/program.js';
import { followRecipe } from '../../src/recipe/follow-recipe.js';
import { effectiveRecipe, recipeWords } from '../../src/recipe/recipe.js';
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
    ratio: { fc1: 0.5, fc2: 0.25 },
    clusterer: 'rank-one',
    reduce: 'columns',
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
  { command: 'compress', clusterer: { name: 'spherical', options: { scale: 'projected' } } },
  { command: 'compress', clusterer: { name: './own.js', options: { rounds: 3, strict: true } } },
  { command: 'sweep', clusterers: ['kmeans', { name: 'rank-one', options: { algorithm: 'lloyd' } }] },
])('the schema takes %o', (recipe) => {
  expect(validate(recipe), JSON.stringify(validate.errors)).toBe(true);
});

test('a clusterer with options is an object of a recipe and a word of its command line', async () => {
  const clusterers = ['kmeans', { name: '@a/b', options: { rounds: 3, strict: true } }];
  writeFileSync(
    join(folder, 'own.json'),
    JSON.stringify({ model: 'small.onnx', data: 'x', out: 'o', clusterers }),
  );
  const { words, program } = await followRecipe(
    ['sweep', '--config', join(folder, 'own.json')],
    createProgram,
  );
  const sweep = program.commands.find((command) => command.name() === 'sweep')!;
  sweep.action(() => {});
  await program.parseAsync(words, { from: 'user' });
  expect(sweep.opts().clusterers).toEqual(clusterers);
  expect(effectiveRecipe(sweep)).toMatchObject({ clusterers });
  expect(recipeWords('clusterers', clusterers)).toEqual(['--clusterers=kmeans,"@a/b:rounds=3,strict=true"']);
  expect(recipeWords('clusterer', clusterers[1])).toEqual(['--clusterer=@a/b:rounds=3,strict=true']);
});

test.each([
  { command: 'compress', clusterer: { name: 'spherical', options: { speed: 1 } } },
  { command: 'compress', clusterer: { name: 'kmeans', options: { algorithm: 'elkan' } } },
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
  expect(JSON.parse(read('c.recipe.json'))).toMatchObject({ ratio: { fc1: 0.5 }, layers: ['fc1'], seed: 4 });
});

describe('layers called as no list can hold them unquoted', () => {
  const NAMES = ['a=1,b', '"q"', ' s ;', 'c=2'];
  const model = new ModelBuilder();
  const outputs = NAMES.reduce(
    (input, name) =>
      model.node('MatMul', [input, model.weight(`${name}.weight`, [8, 8])], {}, [`${name}.out`]),
    model.input('x', [undefined, 8]),
  );
  writeFileSync(join(folder, 'odd.onnx'), model.output(outputs, [undefined, 8]).build());
  const [first, quoted, spaces, last] = NAMES as [string, string, string, string];
  const given = { [first]: 0.5, [quoted]: 0.25, [spaces]: 0.125, [last]: 0.75 };

  const followed = async (...args: string[]): Promise<Record<string, unknown>> => {
    await run('compress', ...args, '-o', 'odd.out.onnx');
    return JSON.parse(read('odd.out.recipe.json'));
  };

  test('a recipe gives them as they are, and records them so', async () => {
    const layers = Object.keys(given);
    writeFileSync(join(folder, 'odd.json'), JSON.stringify({ model: 'odd.onnx', ratio: given, layers }));
    const recipe = await followed('--config', 'odd.json');
    expect(recipe).toMatchObject({ ratio: given, layers });
    expect(validate(recipe), JSON.stringify(validate.errors)).toBe(true);
    const once = bytes('odd.out.onnx');
    // The command line of a recipe says the same.
    const { ratio: ratioWord, layers: layersWord } = Object.fromEntries(
      ['ratio', 'layers'].map((name) => [name, recipeWords(name, recipe[name])[0]!]),
    );
    expect(await followed('odd.onnx', ratioWord!, layersWord!)).toMatchObject({ ratio: given, layers });
    expect(bytes('odd.out.onnx').equals(once)).toBe(true);
  });

  test('a ratio for all and some by layer', async () => {
    const ratio = [0.5, { [first]: 0 }];
    writeFileSync(join(folder, 'odd.json'), JSON.stringify({ model: 'odd.onnx', ratio }));
    expect(await followed('--config=odd.json')).toMatchObject({ ratio });
  });
});

test.each([
  [{ seed: [1] }, "has [1] as 'seed': expected one value"],
  [
    { clusterer: { options: {} } },
    'has {"options":{}} as \'clusterer\': expected one value, or { "name": …, "options": { … } } with single values as options',
  ],
  [{ clusterer: { name: 'kmeans', options: { a: [1] } } }, "as 'clusterer': expected one value, or {"],
  [{ clusterer: { name: 'kmeans', algorithm: 'lloyd' } }, "as 'clusterer': expected one value, or {"],
  [{ clusterer: ['kmeans'] }, 'has ["kmeans"] as \'clusterer\': expected one value, or {'],
  [{ layers: [] }, "has [] as 'layers': expected a value or a list of values"],
  [{ layers: [['fc1']] }, `has [["fc1"]] as 'layers': expected a value or a list of values`],
  [{ layers: { fc1: 1 } }, `has {"fc1":1} as 'layers': expected a value or a list of values`],
  [
    { ratio: { fc1: null } },
    `has {"fc1":null} as 'ratio': expected a value or a list of values, or an object of values by layer`,
  ],
])('%j is refused', async (values, line) => {
  writeFileSync(
    join(folder, 'lists.json'),
    JSON.stringify({ model: 'small.onnx', output: 'l.onnx', ...values }),
  );
  await expect(
    followRecipe(['compress', '--config', join(folder, 'lists.json')], createProgram),
  ).rejects.toThrow(
    expect.objectContaining({ code: 'BAD_ARGUMENT', message: expect.stringContaining(line) }),
  );
});

test.each([
  ['UTF-8', 'utf8'],
  ['UTF-16', 'utf16le'],
] as const)('a recipe may begin with a byte order mark: %s', async (_, encoding) => {
  const recipe = { command: 'compress', model: 'small.onnx', output: 'o.onnx', ratio: 0.5 };
  writeFileSync(join(folder, 'mark.json'), Buffer.from(`\uFEFF${JSON.stringify(recipe)}`, encoding));
  const { words } = await followRecipe(['compress', '--config', join(folder, 'mark.json')], createProgram);
  expect(words.slice(0, 4)).toEqual(['compress', 'small.onnx', '--output=o.onnx', '--ratio=0.5']);
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
