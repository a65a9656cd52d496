/** The third-party packages of `examples/`, used by the command as their READMEs say. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { dump } from 'npyjs';
import { expect, test } from 'vitest';
import { writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const EXAMPLES = fileURLToPath(new URL('../../../../examples', import.meta.url));
const LINES = 150;

const folder = temporaryFolder();
writeSmallFiles(folder);
mkdirSync(join(folder, 'node_modules/@spherize-example'), { recursive: true });
for (const name of ['clusterer-leader', 'format-npz'])
  symlinkSync(join(EXAMPLES, name), join(folder, 'node_modules/@spherize-example', name));

const array = (...shape: number[]): Uint8Array => {
  const count = shape.reduce((a, b) => a * b);
  return new Uint8Array(
    dump(
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * i)),
      shape,
    ),
  );
};
const weights = {
  'fc1.weight.npy': array(40, 12),
  'fc1.bias.npy': array(40),
  'fc2.weight.npy': array(10, 40),
};
writeFileSync(join(folder, 'network.npz'), zipSync(weights));

test.each(['clusterer-leader', 'format-npz'])('%s keeps its line budget, tests included', (name) => {
  const lines = ['src', 'test'].flatMap((part) =>
    readdirSync(join(EXAMPLES, name, part)).map(
      (file) =>
        readFileSync(join(EXAMPLES, name, part, file), 'utf8')
          .trimEnd()
          .split('\n').length,
    ),
  );
  expect(lines.reduce((sum, count) => sum + count)).toBeLessThan(LINES);
});

test.each(['@spherize-example/clusterer-leader', join(EXAMPLES, 'clusterer-leader/dist/index.js')])(
  'compress --clusterer %s',
  async (clusterer) => {
    const args = ['compress', 'small.onnx', '-o', 'out.onnx', '--ratio', '0.5', '--clusterer', clusterer];
    const { layers } = await spherizeJson<{ layers: { columns: number; clusters: number }[] }>(
      folder,
      ...args,
    );
    for (const { columns, clusters } of layers) {
      expect(clusters).toBeGreaterThan(columns / 4);
      expect(clusters).toBeLessThanOrEqual(columns / 2);
    }
  },
);

test('a weight archive is inspected, compressed and read again', async () => {
  const format = ['--format', '@spherize-example/format-npz'];
  const inspected = await spherizeJson<{ layers: unknown[] }>(folder, 'inspect', 'network.npz', ...format);
  expect(inspected.layers).toMatchObject([
    { name: 'fc1', outputs: 40, inputs: 12, fold: { into: null } },
    { name: 'fc2', outputs: 10, inputs: 40, fold: { into: 'fc1' } },
  ]);
  const compressed = await spherizeJson<{ verified: { deviation: number } }>(
    folder,
    'compress',
    'network.npz',
    '-o',
    'half.npz',
    '--ratio',
    '0.5',
    ...format,
  );
  expect(compressed.verified.deviation).toBeLessThan(1e-5);
  const again = await spherizeJson<{ layers: unknown[] }>(folder, 'inspect', 'half.npz', ...format);
  expect(again.layers).toMatchObject([
    { name: 'fc1', inputs: 6 },
    { name: 'fc2', inputs: 20 },
  ]);
});

test('without its package, the archive has no known format', async () => {
  const { code, stderr } = await spherize(folder, 'inspect', 'network.npz');
  expect(code).toBe(2);
  expect(stderr).toContain('--format');
});
