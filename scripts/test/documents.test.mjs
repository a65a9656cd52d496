/** Every code block of the documents does what it says. Package READMEs are run where the packages are installed: see release.test.mjs. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks } from '../documentation/code-blocks.mjs';
import { makeFixtures } from '../documentation/fixtures.mjs';
import { linkedProject } from '../documentation/linked-project.mjs';
import { checkTypes, runBlocks, writeBlocks } from '../documentation/run-document.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MINUTES = 5;
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'examples/clusterer-leader/README.md',
  'examples/format-npz/README.md',
];

const folders = [];
/** The documents' blocks, each in a folder of one project. */
const written = new Map();
let project;
beforeAll(() => {
  const fixtures = makeFixtures(ROOT);
  project = linkedProject(ROOT);
  folders.push(fixtures, project);
  for (const name of DOCUMENTS) {
    const folder = join(project, name.replaceAll('/', '-'));
    cpSync(fixtures, folder, { recursive: true });
    written.set(name, writeBlocks(join(ROOT, name), folder));
  }
  checkTypes([...written.values()]);
}, MINUTES * 60_000);
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test.each(DOCUMENTS)(
  '%s does what it says',
  (name) => {
    const { run, exempt } = runBlocks(written.get(name));
    const runnable = codeBlocks(readFileSync(join(ROOT, name), 'utf8')).filter(({ language }) =>
      ['ts', 'js', 'sh', 'console', 'json'].includes(language),
    );
    expect(run + exempt.length).toBeGreaterThanOrEqual(runnable.length);
  },
  MINUTES * 60_000,
);

test.each(DOCUMENTS)('%s links to files that are there', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8');
  for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    expect(existsSync(join(ROOT, dirname(name), target)), `${name}: ${target}`).toBe(true);
  }
});

test('a block that fails is named', () => {
  const page = join(project, 'page.md');
  const write = (text) => {
    writeFileSync(page, text);
    return writeBlocks(page, mkdtempSync(join(project, 'page-')));
  };
  expect(() => runBlocks(write('\n```sh\nspherize inspect nothing.onnx\n```\n'))).toThrow(
    'page.md, line 2 ended with 2',
  );
  const { folder, ...rest } = write('```ts\nconst x: string = 1;\n```\n');
  expect(() => checkTypes([{ folder, ...rest }])).toThrow(
    new RegExp(`type check ended with 2:\n.*${basename(folder)}/block-1\\.ts\\(1,7\\): error TS2322`),
  );
  expect(() => runBlocks(write('```json\n{]\n```\n'))).toThrow('page.md, line 1');
  expect(runBlocks(write('<!-- not run: why -->\n```sh\nfalse\n```\n'))).toEqual({
    run: 0,
    exempt: ['page.md, line 2: why'],
  });
});

test('the reference has every command, and what the packages export', () => {
  const out = mkdtempSync(join(tmpdir(), 'spherize-reference-'));
  folders.push(out);
  const { status, stderr } = spawnSync(process.execPath, ['scripts/reference.mjs', out], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  const commands = readFileSync(join(out, 'commands.md'), 'utf8');
  for (const name of ['compress', 'sweep', 'alexnet', 'doctor'])
    expect(commands).toContain(`\n## ${name}\n\n\`\`\`text\nUsage: spherize ${name} `);
  for (const page of [
    'core/src/interfaces/Clusterer.md',
    'core/src/functions/compressModel.md',
    'adapters-onnx/src/node/variables/onnxFormat.md',
  ])
    expect(existsSync(join(out, 'api', page)), page).toBe(true);
});
