/** Where outputs go: full disks, read-only folders, files of killed runs, and the input itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { temporaryPath } from '@spherize/files';
import { afterAll, describe, expect, test } from 'vitest';
import { smallModel, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);

test('the input may be the output', async () => {
  writeFileSync(join(folder, 'same.onnx'), smallModel());
  await spherize(folder, 'compress', 'small.onnx', '-o', 'other.onnx', '--ratio', '0.5');
  await spherize(folder, 'compress', 'same.onnx', '-o', 'same.onnx', '--ratio', '0.5');
  expect(readFileSync(join(folder, 'same.onnx')).equals(readFileSync(join(folder, 'other.onnx')))).toBe(true);
});

test.each([`${'n'.repeat(200)}.onnx`, `${'圧'.repeat(66)}.onnx`, `${'n'.repeat(250)}.onnx`])(
  'an output of any name that the file system takes, and its recipe: %s',
  async (name) => {
    const inner = mkdtempSync(join(folder, 'long-'));
    await spherizeJson(folder, 'compress', 'small.onnx', '-o', join(inner, name), '--ratio', '0.5');
    const others = readdirSync(inner).filter((found) => found !== name);
    expect(others).toEqual([expect.stringMatching(/\.recipe\.json$/)]);
    expect(JSON.parse(readFileSync(join(inner, others[0]!), 'utf8'))).toMatchObject({ ratio: 0.5 });
  },
);

test('what a killed run left goes with the next run, what a running one writes stays', async () => {
  const inner = join(folder, 'litter');
  mkdirSync(inner);
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  const abandoned = temporaryPath('out.onnx', ended);
  const kept = [
    temporaryPath('out.onnx'),
    temporaryPath('out.onnx', ended, `${hostname()}2`),
    '.out.onnx.tmp',
  ];
  for (const name of [abandoned, ...kept]) writeFileSync(join(inner, name), 'part');
  await spherizeJson(folder, 'compress', 'small.onnx', '-o', 'litter/out.onnx', '--ratio', '0.5');
  const left = readdirSync(inner);
  expect(left).toEqual(expect.arrayContaining([...kept, 'out.onnx']));
  expect(left).not.toContain(abandoned);
});

/** A file system of its own, where the tests may mount one. */
function mounted(name: string, options: string): string | undefined {
  const path = join(folder, name);
  mkdirSync(path);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status !== 0) return undefined;
  afterAll(() => execFileSync('umount', [path]));
  return path;
}

const full = mounted('full', 'size=8k');
describe.skipIf(full === undefined)('a full disk (needs the right to mount)', () => {
  test('is one line, exit code 1, and leaves what was there', async () => {
    writeFileSync(join(full!, 'out.onnx'), 'old');
    const run = await spherize(folder, 'compress', 'small.onnx', '-o', 'full/out.onnx', '--ratio', '0');
    expect(run).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'spherize: the disk is full: make room and run the command again; what was there before is untouched\n',
    });
    expect(readdirSync(full!)).toEqual(['out.onnx']);
    expect(readFileSync(join(full!, 'out.onnx'), 'utf8')).toBe('old');
  });
});

const readOnly = mounted('read-only', 'ro');
test.skipIf(readOnly === undefined)('a read-only folder is refused before any work', async () => {
  const run = await spherize(folder, 'compress', 'small.onnx', '-o', 'read-only/out.onnx', '--ratio', '0.5');
  expect(run).toEqual({
    code: 2,
    stdout: '',
    stderr: `spherize: output folder '${readOnly}' may not be written to: check its permissions\n`,
  });
});
