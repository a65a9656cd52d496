import { rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../src/index.js';
import { temporaryFolder as folderOfTests } from './temporary-folder.js';

const { TMPDIR } = process.env;
afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
});

test('a new folder, where temporary files go', async () => {
  const folder = await temporaryFolder('spherize-test-');
  expect(dirname(folder)).toBe(tmpdir());
  expect(statSync(folder).isDirectory()).toBe(true);
  rmdirSync(folder);
});

test.each([
  ['missing', 'does not exist'],
  ['file', 'is no folder'],
])('TMPDIR that is %s is refused by name', async (name, why) => {
  const place = join(folderOfTests(), name);
  if (name === 'file') writeFileSync(place, '');
  process.env.TMPDIR = place;
  await expect(temporaryFolder('spherize-test-')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: `the folder for temporary files, ${place}, ${why}: make it, or let TMPDIR name another`,
  });
});
