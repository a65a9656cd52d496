/** The release script from end to end, and that its checks find what they are for. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemsOf } from '../release/check.mjs';
import { publishedPackages } from '../release/packages.mjs';
import { webAddress, writeRepository } from '../release/repository.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Installs every package from a registry. */
const MINUTES = 10;

let folder;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spherize-packages-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(
  'every package is packed, checked, installed outside of the workspace, and does what its README says',
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/release.mjs', '--dry-run'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    for (const { name } of publishedPackages(ROOT)) {
      expect(stdout).toMatch(new RegExp(`^${name}: [\\d.]+ MB packed, checked$`, 'm'));
      expect(stdout).toMatch(
        new RegExp(`^${name}: [\\d.]+ MB installed, \\d+ blocks of its README run`, 'm'),
      );
    }
    expect(stdout).toContain('nothing published');
  },
  MINUTES * 60_000,
);

/** Packs files as a package and returns what the checks say about it. */
async function problemsWith(files) {
  const home = mkdtempSync(join(folder, 'package-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  const { stdout } = spawnSync('npm', ['pack', '--json'], { cwd: home, encoding: 'utf8' });
  return problemsOf({ tarball: join(home, JSON.parse(stdout)[0].filename) });
}

const SOUND = {
  'package.json': {
    name: 'sound',
    version: '1.0.0',
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20' },
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    dependencies: { vega: '1' },
  },
  LICENSE: 'MIT',
  'README.md': 'Installed size: 1 MB',
  'CHANGELOG.md': '# sound',
  'index.js': "import { View } from 'vega';\nexport const view = View;\n",
  'index.d.ts': 'export declare const view: object;\n',
};

test('nothing is wrong with a sound package', async () => {
  expect(await problemsWith(SOUND)).toEqual([]);
});

test('what is wrong with a package is found', async () => {
  const { LICENSE, 'CHANGELOG.md': _, ...files } = SOUND;
  const problems = await problemsWith({
    ...files,
    'package.json': {
      ...SOUND['package.json'],
      exports: { '.': { types: './index.d.ts', default: './missing.js' } },
      dependencies: { lodash: '1' },
    },
    'README.md': "See [there](../other/README.md).\n```ts\nimport { x } from '@scope/absent/part';\n```\n",
    'index.d.ts': "export default 1;\nexport * from './nothing.js';\n",
  });
  expect(problems).toContain('imports vega, which it does not depend on');
  expect(problems).toContain('depends on lodash, but never imports it');
  expect(problems).toContain('README.md imports @scope/absent, which does not come with the package');
  expect(problems).toContain('no MIT licence in the package');
  expect(problems).toContain('no CHANGELOG.md');
  expect(problems).toContain('README.md links to files outside of the package');
  expect(problems).toContain('README.md does not say the installed size');
  expect(problems.join('\n')).toContain('publint: ');
  expect(problems.join('\n')).toContain('are the types wrong: ');
});

test.each([
  ['https://host.example/owner/name.git', 'https://host.example/owner/name'],
  ['https://user:secret@host.example/owner/name', 'https://host.example/owner/name'],
  ['http://host.example/owner/name/', 'https://host.example/owner/name'],
  ['git@host.example:owner/name.git', 'https://host.example/owner/name'],
  ['ssh://git@host.example:2222/owner/name.git', 'https://host.example/owner/name'],
  ['/home/somebody/name', undefined],
  ['../name.git', undefined],
  ['file:///home/somebody/name.git', undefined],
])('the remote %s is %s on the web', (remote, address) => expect(webAddress(remote)).toBe(address));

test('every published package.json says where the package comes from', () => {
  const root = mkdtempSync(join(folder, 'workspace-'));
  for (const [place, manifest] of [
    ['packages/one', { name: 'one', version: '1.0.0', license: 'MIT', type: 'module' }],
    ['apps/two', { name: 'two', private: true }],
    ['models', { name: 'three', version: '2.0.0', homepage: 'https://elsewhere.example' }],
  ]) {
    mkdirSync(join(root, place), { recursive: true });
    writeFileSync(join(root, place, 'package.json'), JSON.stringify(manifest));
  }
  writeRepository(root, 'https://host.example/owner/name');
  const read = (place) => JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8'));
  expect(read('packages/one')).toEqual({
    name: 'one',
    version: '1.0.0',
    homepage: 'https://host.example/owner/name/tree/HEAD/packages/one#readme',
    bugs: 'https://host.example/owner/name/issues',
    repository: { type: 'git', url: 'git+https://host.example/owner/name.git', directory: 'packages/one' },
    license: 'MIT',
    type: 'module',
  });
  expect(read('apps/two')).toEqual({ name: 'two', private: true });
  expect(read('models').homepage).toBe('https://host.example/owner/name/tree/HEAD/models#readme');
});
