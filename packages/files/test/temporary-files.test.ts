import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { removeAbandoned, temporaryPath } from '../src/index.js';
import { temporaryFolder } from './temporary-folder.js';

const folder = temporaryFolder();

test.each(['a', 'out.onnx', 'n'.repeat(255), '圧'.repeat(85)])(
  'the name for %s is short, hidden and new at every call, beside the target',
  (name) => {
    const path = temporaryPath(join(folder, name));
    expect(dirname(path)).toBe(folder);
    expect(basename(path)).toMatch(/^\.[\w.]{20,90}\.spherize$/);
    expect(temporaryPath(join(folder, name))).not.toBe(path);
  },
);

test('names tell targets apart', () => {
  const target = (path: string): string | undefined => basename(path).split('.')[1];
  expect(target(temporaryPath('a/x'))).toBe(target(temporaryPath('b/x')));
  expect(target(temporaryPath('a/x'))).not.toBe(target(temporaryPath('a/y')));
});

test('what a process of this machine left is removed once it has ended, and nothing else', async () => {
  const { pid: ended } = spawnSync(process.execPath, ['-e', '']);
  const abandoned = temporaryPath('out.onnx', ended);
  const kept = [
    temporaryPath('out.onnx'),
    temporaryPath('out.onnx', ended, `${hostname()}2`),
    '.out.onnx.tmp',
    `.out.onnx.${ended}.spherize`,
    abandoned.slice(1),
    'out.onnx',
  ];
  for (const name of [abandoned, ...kept]) writeFileSync(join(folder, name), 'part');
  await removeAbandoned(folder);
  expect(readdirSync(folder).sort()).toEqual(kept.sort());
});
