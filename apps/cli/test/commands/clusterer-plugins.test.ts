/** Third-party clusterers, by path and by package name. */
import { mkdirSync } from 'node:fs';
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
