import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { partsOf, replaceFile, replaceFiles } from '../src/index.js';
import { temporaryFolder } from './temporary-folder.js';

const folder = join(temporaryFolder(), 'here');
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});

test('text and bytes, new and over what was there', async () => {
  expect(await replaceFile(at('a'), 'ρ')).toBe(2);
  expect(await replaceFile(at('a'), Uint8Array.of(1, 2, 3))).toBe(3);
  expect([...readFileSync(at('a'))]).toEqual([1, 2, 3]);
  expect(readdirSync(folder)).toEqual(['a']);
});

test('parts lie where they are told, with zeros between', async () => {
  const parts = [...partsOf([Uint8Array.of(1), Uint8Array.of(2, 3)]), { bytes: Uint8Array.of(9), offset: 5 }];
  expect(await replaceFiles([{ target: at('a'), parts }], { durable: false })).toBe(6);
  expect([...readFileSync(at('a'))]).toEqual([1, 2, 3, 0, 0, 9]);
});

test.each(['n'.repeat(255), '圧'.repeat(66), '圧'.repeat(85), 'a=1, b;"c"\\'])(
  'every name that the file system takes: %s',
  async (name) => {
    await replaceFile(at(name), 'x');
    expect(readdirSync(folder)).toEqual([name]);
  },
);

test('when putting in place fails, what was there is there still, and nothing else', async () => {
  writeFileSync(at('a'), 'old');
  const files = ['a', 'b'].map((name) => ({ target: at(name), parts: partsOf([Buffer.from('new')]) }));
  const failing = replaceFiles(files, {
    place: async (temporaries) => {
      expect(temporaries.map((path) => readFileSync(path, 'utf8'))).toEqual(['new', 'new']);
      throw new Error('no');
    },
  });
  await expect(failing).rejects.toThrow('no');
  expect(readdirSync(folder)).toEqual(['a']);
  expect(readFileSync(at('a'), 'utf8')).toBe('old');
});

describe('a target that is a link', () => {
  test('is replaced, and what it led to is left alone', async () => {
    mkdirSync(at('blobs'));
    writeFileSync(at('blobs/6f1e'), 'blob');
    symlinkSync('blobs/6f1e', at('a'));
    await replaceFile(at('a'), 'new');
    expect(lstatSync(at('a')).isSymbolicLink()).toBe(false);
    expect(readFileSync(at('a'), 'utf8')).toBe('new');
    expect(readFileSync(at('blobs/6f1e'), 'utf8')).toBe('blob');
  });

  test('is replaced when it leads nowhere', async () => {
    symlinkSync('gone', at('a'));
    await replaceFile(at('a'), 'new');
    expect(readFileSync(at('a'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a']);
  });
});

test.each([
  ['a folder', 'inner', 'BAD_ARGUMENT', 'it is a folder: give the name of a file'],
  ['a link to a folder', 'to-folder', 'BAD_ARGUMENT', 'it is a folder: give the name of a file'],
  ['a link to a device', 'to-device', 'BAD_ARGUMENT', 'it is a device or a pipe: give the name of a file'],
  ['a folder that is not there', 'none/a', 'NOT_FOUND', 'there is no folder'],
  ['a name that is too long', 'n'.repeat(256), 'BAD_ARGUMENT', 'longer than the file system takes'],
])('%s is refused before anything is written', async (_, name, code, why) => {
  mkdirSync(at('inner'));
  symlinkSync('inner', at('to-folder'));
  symlinkSync('/dev/null', at('to-device'));
  const files = ['first', name].map((target) => ({ target: at(target), parts: [] }));
  await expect(replaceFiles(files)).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(why) }),
  );
  expect(readdirSync(folder).sort()).toEqual(['inner', 'to-device', 'to-folder']);
  expect(readlinkSync(at('to-device'))).toBe('/dev/null');
});
