/** Third-party clusterers, by path and by package name. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { write } from '../data/data-files.js';
import { writeSmallFiles } from './small-files.js';
import { spherizeJson, temporaryFolder } from './spawn-spherize.js';

/** Puts columns that are `k` apart together and takes their mean. */
const EVERY_KTH = `
const everyKth = {
  name: 'every-kth',
  async cluster({ count }, k) {
    const members = Array.from({ length: k }, (_, c) => Math.ceil((count - c) / k));
    return {
      assignment: Int32Array.from({ length: count }, (_, j) => j % k),
      scales: new Float64Array(count).fill(1),
      coefficients: Float64Array.from({ length: count }, (_, j) => 1 / members[j % k]),
      objective: 0,
      iterations: 1,
    };
  },
};
`;

/** The same with options of its own: every k-th, moved, or dropped from a column on. */
const WITH_OPTIONS = `
export default {
  name: 'moved',
  options: {
    by: { type: 'integer', min: 0, max: 9, default: 0, description: 'how far columns move on' },
    keep: { type: 'boolean', default: true, description: 'whether the last column stays' },
    algorithm: { type: 'enum', values: ['fast', 'lloyd'], default: 'fast', description: 'how' },
  },
  async cluster({ count }, k, { by, keep, algorithm }) {
    const last = keep ? -1 : count - 1;
    const assignment = Int32Array.from({ length: count }, (_, j) => (j === last ? -1 : (j + by) % k));
    const members = new Array(k).fill(0);
    for (const c of assignment) if (c >= 0) members[c]++;
    const scale = algorithm === 'fast' ? 1 : 0.5;
    return {
      assignment,
      scales: new Float64Array(count).fill(scale),
      coefficients: Float64Array.from(assignment, (c) => (c < 0 ? 0 : 1 / members[c])),
    };
  },
};
`;

const folder = temporaryFolder();
writeSmallFiles(folder);
mkdirSync(join(folder, 'plugins'));
write(join(folder, 'plugins'), 'by-default.mjs', Buffer.from(`${EVERY_KTH}export default everyKth;\n`));
write(join(folder, 'plugins'), 'by-name.mjs', Buffer.from(`${EVERY_KTH}export { everyKth };\n`));

/** Installs the clusterer as a package. */
function install(name: string, entry: Record<string, unknown>): void {
  const home = join(folder, 'node_modules', name);
  mkdirSync(join(home, 'lib'), { recursive: true });
  const manifest = { name, version: '1.0.0', type: 'module', ...entry };
  write(home, 'package.json', Buffer.from(JSON.stringify(manifest)));
  write(join(home, 'lib'), 'index.js', Buffer.from(`${EVERY_KTH}export default everyKth;\n`));
}
install('with-main', { main: './lib/index.js' });
install('@scope/with-exports', {
  exports: { '.': { types: './lib/index.d.ts', default: './lib/index.js' } },
});
install('import-only', { exports: { types: './lib/index.d.ts', import: './lib/index.js' } });
install('@scope/import-only', { exports: { '.': { import: { node: './lib/index.js' } } } });

test.each([
  './plugins/by-default.mjs',
  './plugins/by-name.mjs',
  'plugins/by-default.mjs',
  join(folder, 'plugins', 'by-default.mjs'),
  'with-main',
  '@scope/with-exports',
  'import-only',
  '@scope/import-only',
])('compress --clusterer %s', async (clusterer) => {
  const args = ['compress', 'small.onnx', '-o', 'out.onnx', '--ratio', '0.5', '--clusterer', clusterer];
  const { layers } = await spherizeJson<{ layers: { name: string; clusters: number }[] }>(folder, ...args);
  expect(layers.map(({ name, clusters }) => [name, clusters])).toEqual([
    ['fc1', 72],
    ['fc2', 12],
    ['fc3', 8],
  ]);
});

write(join(folder, 'plugins'), 'moved.mjs', Buffer.from(WITH_OPTIONS));
const MOVED = './plugins/moved.mjs';

interface Row {
  readonly clusterer: string;
  readonly algorithm: string;
  readonly options?: unknown;
  readonly relativeError: number;
}

async function sweepRows(...args: string[]): Promise<readonly Row[]> {
  const shared = ['--data', 'npy:X.npy,Y.npy', '--ratios', '0.5', '--references', 'none', '--limit', '10'];
  return (await spherizeJson<{ rows: Row[] }>(folder, 'sweep', ...shared, ...args)).rows;
}

test('options of their own reach the threads, the results and the recipe', async () => {
  const clusterers = `${MOVED},"${MOVED}:by=3,keep=false",${MOVED}:algorithm=lloyd,kmeans:algorithm=lloyd,kmeans`;
  const rows = await sweepRows('small.onnx', '--out', 'own', '--clusterers', clusterers);
  expect(rows.map(({ clusterer, algorithm, options }) => [clusterer, algorithm, options])).toEqual([
    [MOVED, 'fast', undefined],
    [MOVED, 'fast', { by: 3, keep: false }],
    [MOVED, 'lloyd', undefined],
    ['kmeans', 'lloyd', undefined],
    ['kmeans', 'hartigan', undefined],
  ]);
  expect(new Set(rows.map(({ relativeError }) => relativeError)).size).toBe(5);
  const recipe = JSON.parse(readFileSync(join(folder, 'own', 'recipe.json'), 'utf8'));
  expect(recipe.clusterers).toEqual([
    MOVED,
    { name: MOVED, options: { by: 3, keep: false } },
    { name: MOVED, options: { algorithm: 'lloyd' } },
    { name: 'kmeans', options: { algorithm: 'lloyd' } },
    'kmeans',
  ]);
  const again = await sweepRows('--config', join('own', 'recipe.json'), '--out', 'own-again');
  const timeless = (all: readonly Row[]) => all.map((row) => ({ ...row, seconds: 0 }));
  expect(timeless(again)).toEqual(timeless(rows));
});

test('sweep takes them beside the built-in ones', async () => {
  const args = ['--data', 'npy:X.npy,Y.npy', '--out', 'results', '--ratios', '0.5'];
  const { rows } = await spherizeJson<{ rows: { clusterer: string }[] }>(
    folder,
    'sweep',
    'small.onnx',
    ...args,
    '--clusterers',
    'kmeans,with-main',
  );
  expect(rows.map(({ clusterer }) => clusterer)).toEqual(['kmeans', 'with-main']);
});
