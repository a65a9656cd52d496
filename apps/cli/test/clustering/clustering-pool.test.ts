import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clusterer, storedGram } from '@spherize/core';
import { expect, test } from 'vitest';
// As built: its threads load the worker beside it.
import { ClusteringPool } from '../../dist/clustering/clustering-pool.js';
import { temporaryFolder } from '../commands/spawn-spherize.js';

const columns = {
  count: 2,
  norms: Float64Array.of(1, 1),
  gram: storedGram(new Float32Array(new SharedArrayBuffer(16)), Float64Array.of(1, 1)),
};
const own: Clusterer = { name: 'slow', cluster: () => Promise.reject(new Error('not in a thread')) };

/** A plug-in that says when its module begins to load and when it has loaded, and then never ends. */
function slowPlugin(): { path: string; begun: string; loaded: string } {
  const folder = temporaryFolder();
  const [path, begun, loaded] = ['slow.mjs', 'begun', 'loaded'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(
    path,
    `import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(begun)}, '');
     await new Promise((resolve) => setTimeout(resolve, 300));
     writeFileSync(${JSON.stringify(loaded)}, '');
     export default { name: 'slow', cluster: () => { while (true) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000); } };`,
  );
  return { path, begun, loaded };
}

test.each(['interrupted', 'closed'])(
  'a thread whose task is %s ends when its modules have loaded',
  async (how) => {
    const { path, begun, loaded } = slowPlugin();
    const pool = new ClusteringPool(1);
    const interruption = new AbortController();
    const running = pool.clusterer(path, own).cluster(columns, 1, { seed: 0, signal: interruption.signal });
    const refused = expect(running).rejects.toThrow();
    const waiting = pool.clusterer(path, own).cluster(columns, 1, { seed: 0, signal: interruption.signal });
    const alsoRefused = expect(waiting).rejects.toThrow();
    await expect.poll(() => existsSync(begun), { timeout: 60_000 }).toBe(true);
    if (how === 'interrupted') {
      interruption.abort();
      await refused;
      expect(existsSync(loaded)).toBe(true);
    }
    await pool.close();
    await refused;
    await alsoRefused;
    expect(existsSync(loaded)).toBe(true);
  },
);
