import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { containedFile } from '../src/index.js';
import { temporaryFolder } from './temporary-folder.js';

/**
 * As caches of downloads lay models: `snapshots/1/model → ../../blobs/m`, its data likewise. `snapshots/2` and `outside` are
 * neighbours of the two folders that are allowed.
 */
const root = realpathSync(temporaryFolder());
for (const folder of ['snapshots/1/sub', 'snapshots/2', 'blobs/deep', 'outside'])
  mkdirSync(join(root, folder), { recursive: true });
for (const [name, bytes] of Object.entries({
  'blobs/m': 1,
  'blobs/d': 2,
  'blobs/deep/e': 3,
  'snapshots/1/plain': 4,
  'snapshots/1/sub/w:1.bin': 5,
  'snapshots/1/a%2Db': 6,
  'snapshots/1/a-b': 7,
  'snapshots/1/c-d e': 8,
  'snapshots/1/100%': 9,
  'snapshots/2/n': 10,
  'outside/o': 11,
}))
  writeFileSync(join(root, name), new Uint8Array(bytes));
for (const [link, target] of Object.entries({
  'snapshots/1/model': '../../blobs/m',
  'snapshots/1/data': '../../blobs/d',
  'snapshots/1/data-deep': '../../blobs/deep/e',
  'snapshots/1/chain': 'data',
  'snapshots/1/within': 'sub',
  'snapshots/1/to-blobs': '../../blobs',
  'snapshots/1/to-etc': '/etc/passwd',
  'snapshots/1/to-next': '../2/n',
  'snapshots/1/to-outside': '../../outside/o',
  'snapshots/1/folder-outside': '../../outside',
  'snapshots/1/folder-root': '/',
  'snapshots/1/circle': 'circle',
  'snapshots/1/nowhere': '../../blobs/none',
  'snapshots/1/device': '/dev/null',
  'outside/elsewhere': '../snapshots/1/model',
  'outside/whole': '../snapshots/1',
}))
  symlinkSync(target, join(root, link));

const model = join(root, 'snapshots/1/model');
const find = (name: string, encoded = false, source = model) =>
  containedFile(source, name, 'm: its data', { encoded });

test.each([
  ['a link to the real folder, as the model is', 'data', 'blobs/d', 2],
  ['a link below the real folder', 'data-deep', 'blobs/deep/e', 3],
  ['a link to a link', 'chain', 'blobs/d', 2],
  ['a file beside the link', 'plain', 'snapshots/1/plain', 4],
  ['a file that only the real folder has', 'deep/e', 'blobs/deep/e', 3],
  ['a colon in the name', 'sub/w:1.bin', 'snapshots/1/sub/w:1.bin', 5],
  ['through a link to a folder that stays', 'within/w:1.bin', 'snapshots/1/sub/w:1.bin', 5],
  ['through a link to the real folder', 'to-blobs/d', 'blobs/d', 2],
  ['dots that go nowhere', './sub/./w:1.bin', 'snapshots/1/sub/w:1.bin', 5],
])('%s is read', async (_, name, path, size) => {
  expect(await find(name)).toEqual({ path: join(root, path), size });
});

test.each([
  ['plain', '', 'UNSUPPORTED'],
  ['an absolute path', '/etc/passwd', 'UNSUPPORTED'],
  ['an absolute path to an allowed file', join(root, 'blobs/d'), 'UNSUPPORTED'],
  ['the folder above', '../2/n', 'UNSUPPORTED'],
  ['the folder above, and back', 'sub/../plain', 'UNSUPPORTED'],
  ['the folder above, with the other slash', 'sub\\..\\plain', 'UNSUPPORTED'],
  ['a NUL', 'plain\0', 'UNSUPPORTED'],
  ['a URL', 'https://example.org/d', 'UNSUPPORTED'],
  ['a URL of a file', 'file:///etc/passwd', 'UNSUPPORTED'],
  ['a link to the system', 'to-etc', 'UNSUPPORTED'],
  ['a link to a neighbour of the given folder', 'to-next', 'UNSUPPORTED'],
  ['a link to a neighbour of the real folder', 'to-outside', 'UNSUPPORTED'],
  ['through a link to a folder outside', 'folder-outside/o', 'UNSUPPORTED'],
  ['through a link to the root', 'folder-root/etc/passwd', 'UNSUPPORTED'],
  ['a link to a device', 'device', 'UNSUPPORTED'],
  ['a folder', 'sub', 'BAD_FILE'],
  ['a link to itself', 'circle', 'NOT_FOUND'],
  ['a link to nothing', 'nowhere', 'NOT_FOUND'],
  ['nothing', 'none', 'NOT_FOUND'],
  ['a file as a folder', 'plain/x', 'NOT_FOUND'],
  ['a name that is too long', 'n'.repeat(300), 'NOT_FOUND'],
])('%s is refused', async (_, name, code) => {
  await expect(find(name)).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(/^m: its data .*[^\n]$/) }),
  );
});

test('the model may be a link from elsewhere, or in a folder that is one', async () => {
  expect(await find('d', false, join(root, 'outside/elsewhere'))).toEqual({
    path: join(root, 'blobs/d'),
    size: 2,
  });
  // Its own path leads to `outside` and `blobs`; what lies between is no place of it.
  await expect(find('plain', false, join(root, 'outside/elsewhere'))).rejects.toThrow('is missing');
  expect(await find('plain', false, join(root, 'outside/whole/model'))).toMatchObject({ size: 4 });
});

test('the percent signs of a URL are decoded where no file is called so', async () => {
  expect(await find('a%2Db', true)).toMatchObject({ size: 6 });
  expect(await find('c%2Dd%20e', true)).toMatchObject({ size: 8 });
  expect(await find('100%', true)).toMatchObject({ size: 9 });
  await expect(find('c%2Dd%20e')).rejects.toThrow('is missing');
  for (const name of ['%2e%2e/2/n', '..%2F2%2Fn', '%2Fetc%2Fpasswd', 'plain%00', 'https:%2F%2Fexample.org'])
    await expect(find(name, true)).rejects.toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
});
