/** Every code block of the documents does what it says. Package READMEs are run where the packages are installed: see release.test.mjs. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks } from '../documentation/code-blocks.mjs';
import { makeFixtures } from '../documentation/fixtures.mjs';
import { linkedProject } from '../documentation/linked-project.mjs';
import { runDocument } from '../documentation/run-document.mjs';

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

let fixtures;
const folders = [];
beforeAll(() => {
  fixtures = makeFixtures(ROOT);
  folders.push(fixtures);
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test.each(DOCUMENTS)(
  '%s does what it says',
  (name) => {
    const project = linkedProject(ROOT, fixtures);
    folders.push(project);
    const path = join(ROOT, name);
    const { run, exempt } = runDocument(path, project);
    const runnable = codeBlocks(readFileSync(path, 'utf8')).filter(({ language }) =>
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
  const project = linkedProject(ROOT, fixtures);
  folders.push(project);
  const folder = mkdtempSync(join(tmpdir(), 'spherize-document-'));
  folders.push(folder);
  const write = (text) => {
    const path = join(folder, 'page.md');
    spawnSync('node', [
      '-e',
      `require('fs').writeFileSync(${JSON.stringify(path)}, ${JSON.stringify(text)})`,
    ]);
    return path;
  };
  expect(() => runDocument(write('\n```sh\nspherize inspect nothing.onnx\n```\n'), project)).toThrow(
    'page.md, line 2 ended with 2',
  );
  expect(() => runDocument(write('```ts\nconst x: string = 1;\n```\n'), project)).toThrow('type check');
  expect(() => runDocument(write('```json\n{]\n```\n'), project)).toThrow('page.md, line 1');
  expect(runDocument(write('<!-- not run: why -->\n```sh\nfalse\n```\n'), project)).toEqual({
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
