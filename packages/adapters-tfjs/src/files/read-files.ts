/** Reads a model.json and its shards from a folder. */
import type { Stats } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { freemem } from 'node:os';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { InputError } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { artifactsOf, type ManifestGroup, parseModelJson } from './model-json.js';

export interface ReadFiles {
  readonly artifacts: io.ModelArtifacts;
  /** Size of all files. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/** @throws InputError `NOT_FOUND`, `BAD_FILE` or `UNSUPPORTED` */
export async function readFiles(source: string): Promise<ReadFiles> {
  const text = await readText(source);
  const { json, groups } = parseModelJson(text, source);
  const folder = await realpath(dirname(source));
  const located: { path: string; bytes: number }[] = [];
  for (const group of groups) located.push(...(await locate(group, source, folder)));
  // Allocated once every size is known to be right.
  const total = located.reduce((sum, { bytes }) => sum + bytes, 0);
  requireMemory(source, total);
  const weightData = new ArrayBuffer(total);
  let at = 0;
  for (const { path, bytes } of located) {
    await readInto(new Uint8Array(weightData, at, bytes), path);
    at += bytes;
  }
  return {
    artifacts: artifactsOf(json, groups, weightData),
    bytes: Buffer.byteLength(text) + total,
    files: [source, ...located.map(({ path }) => path)],
  };
}

/** @throws InputError `UNSUPPORTED` with both numbers */
function requireMemory(source: string, bytes: number): void {
  const free = process.availableMemory?.() ?? freemem();
  if (bytes <= free) return;
  const gigabytes = (size: number) => `${(size / 1e9).toFixed(1)} GB`;
  throw new InputError(
    'UNSUPPORTED',
    `${source}: its shards need ${gigabytes(bytes)} of memory, ${gigabytes(free)} is free: use a machine with more`,
  );
}

async function readText(source: string): Promise<string> {
  try {
    const found = await stat(source);
    if (!found.isFile() && !found.isFIFO() && !found.isDirectory()) {
      throw new InputError('BAD_FILE', `${source} is not a TensorFlow.js model: it is a device; name a file`);
    }
    return await readFile(source, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new InputError('NOT_FOUND', `there is no file ${source}`, { cause: error });
    }
    if (code === 'EISDIR') {
      throw new InputError(
        'BAD_FILE',
        `${source} is not a TensorFlow.js model: it is a folder; name the model.json in it`,
        {
          cause: error,
        },
      );
    }
    if (code === 'ERR_FS_FILE_TOO_LARGE' || code === 'ERR_STRING_TOO_LONG') {
      throw new InputError('UNSUPPORTED', `${source} is too large for a model.json`, { cause: error });
    }
    throw error;
  }
}

/** The shards of a group, all inside the model's folder, with as many bytes as the weights need. */
async function locate(
  { paths, bytes }: ManifestGroup,
  source: string,
  folder: string,
): Promise<{ path: string; bytes: number }[]> {
  const shards: { path: string; bytes: number }[] = [];
  for (const path of paths) {
    const refuse = (why: string) =>
      new InputError('BAD_FILE', `${source}: its shard '${path}' ${why}: put it into the model's folder`);
    if (/^[a-z][a-z0-9+.-]+:/i.test(path)) throw refuse('is a URL');
    if (path === '' || path.includes('\0') || isAbsolute(path) || path.split(/[/\\]/).includes('..'))
      throw refuse('points elsewhere');
    const place = join(folder, path);
    const { real, found } = await look(place, source, path);
    const inside = relative(folder, real);
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
      throw refuse('is a link elsewhere');
    if (!found.isFile()) throw refuse('is no file');
    shards.push({ path: place, bytes: found.size });
  }
  const present = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  if (bytes !== undefined && present !== bytes) {
    throw new InputError(
      'BAD_FILE',
      `${source}: its weights take ${bytes} bytes, but its shards have ${present}: a shard is missing, cut short or of another model; fetch them again`,
    );
  }
  return shards;
}

async function look(place: string, source: string, path: string): Promise<{ real: string; found: Stats }> {
  try {
    const real = await realpath(place);
    return { real, found: await stat(real) };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw cause;
    throw new InputError(
      'NOT_FOUND',
      `${source}: its shard '${path}' is missing: put it beside the model.json`,
      {
        cause,
      },
    );
  }
}

async function readInto(target: Uint8Array, path: string): Promise<void> {
  const file = await open(path);
  try {
    for (let at = 0; at < target.length; ) {
      const { bytesRead } = await file.read(target, at, Math.min(target.length - at, 2 ** 30));
      if (bytesRead === 0)
        throw new InputError('BAD_FILE', `${path} became shorter while it was read; run the command again`);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}
