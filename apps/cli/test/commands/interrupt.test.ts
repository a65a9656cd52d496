/** Ctrl-C in the middle of the work. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { write } from '../data/data-files.js';
import { writeSmallFiles } from './small-files.js';
import { start, temporaryFolder } from './spawn-spherize.js';

/** Says that it is at work, then goes on until it is told to stop. */
const ENDLESS = `
import { writeSync } from 'node:fs';
export default {
  name: 'endless',
  async cluster(columns, k, { signal }) {
    writeSync(2, 'working\\n');
    for (;;) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
};
`;

test.each([
  ['sweep', ['--data', 'npy:X.npy,Y.npy', '--out', 'results', '--clusterers', './endless.mjs']],
  ['compress', ['-o', 'out.onnx', '--ratio', '0.5', '--clusterer', './endless.mjs']],
])('%s stops with exit code 130 and leaves nothing behind', async (command, args) => {
  const folder = temporaryFolder();
  writeSmallFiles(folder);
  write(folder, 'endless.mjs', Buffer.from(ENDLESS));
  const before = readdirSync(folder).sort();
  const { child, ended } = start(folder, [command, 'small.onnx', ...args]);
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  expect([code, stdout]).toEqual([130, '']);
  // Several may be at work.
  expect(stderr).toMatch(/^(working\n)+spherize: interrupted\n$/);
  expect(readdirSync(folder).sort()).toEqual(before);
});
