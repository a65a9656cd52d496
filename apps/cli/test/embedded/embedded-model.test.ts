import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  cacheFolder,
  EMBEDDED_MODELS,
  embeddedModelPath,
  isEmbeddedModel,
} from '../../src/embedded/embedded-model.js';

const FILE = 'alexnet-fashion-5e4a61e057b2.onnx';
const [model] = EMBEDDED_MODELS;

describe('unpacking', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spherize-embedded-'));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  test('gives the file, once, also to two at the same time', async () => {
    const made = join(folder, 'made', 'on demand');
    vi.stubEnv('SPHERIZE_CACHE', made);
    const path = join(made, FILE);
    const both = await Promise.all([
      embeddedModelPath('alexnet-fashion'),
      embeddedModelPath('alexnet-fashion'),
    ]);
    expect(both).toEqual([path, path]);
    const bytes = await readFile(path);
    expect(bytes.length).toBe(model?.size);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(model?.sha256);

    const before = await stat(path);
    expect(await embeddedModelPath('alexnet-fashion')).toBe(path);
    const after = await stat(path);
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect(await readdir(made)).toEqual([FILE]);
  });

  test('replaces what is left of an unfinished file', async () => {
    vi.stubEnv('SPHERIZE_CACHE', folder);
    await writeFile(join(folder, FILE), 'part');
    await embeddedModelPath('alexnet-fashion');
    expect((await stat(join(folder, FILE))).size).toBe(model?.size);
    expect(await readdir(folder)).toEqual([FILE]);
  });

  test('goes to the folder for temporary files when the cache folder cannot be made', async () => {
    const obstacle = join(folder, 'a file');
    await writeFile(obstacle, '');
    vi.stubEnv('SPHERIZE_CACHE', join(obstacle, 'cache'));
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, folder);
    const { uid, username } = userInfo();
    const expected = join(folder, `spherize-${uid === -1 ? username : uid}`, FILE);
    // There already, as far as its size says.
    await mkdir(dirname(expected), { mode: 0o700 });
    await writeFile(expected, '');
    await truncate(expected, model!.size);
    expect(await embeddedModelPath('alexnet-fashion')).toBe(expected);
  });
});

test('other names are refused', async () => {
  expect(isEmbeddedModel('alexnet-fashion')).toBe(true);
  expect(isEmbeddedModel('toString')).toBe(false);
  await expect(embeddedModelPath('resnet')).rejects.toMatchObject({
    code: 'UNKNOWN_NAME',
    message: 'embedded model: no "resnet", expected one of: alexnet-fashion',
  });
});

describe('cache folder', () => {
  test.each([
    ['linux', { XDG_CACHE_HOME: '/xdg' }, join('/xdg', 'spherize')],
    ['linux', { XDG_CACHE_HOME: '' }, join(homedir(), '.cache', 'spherize')],
    ['darwin', { XDG_CACHE_HOME: '/xdg' }, join(homedir(), 'Library', 'Caches', 'spherize')],
    ['win32', { LOCALAPPDATA: '/local' }, join('/local', 'spherize')],
    ['win32', {}, join(homedir(), 'AppData', 'Local', 'spherize')],
    ['linux', { SPHERIZE_CACHE: '/own', XDG_CACHE_HOME: '/xdg' }, '/own'],
  ] as const)('on %s with %j', (platform, env, expected) => {
    expect(cacheFolder(env, platform)).toBe(expected);
  });
});
