/** Reads a model.json and its shards from a folder. */
import { open, readFile, stat } from 'node:fs/promises';
import { InputError } from '@spherize/core';
import { type ContainedFile, containedFile, decodeText, requireMemory } from '@spherize/files';
import type { io } from '@tensorflow/tfjs-core';
import { type ManifestGroup, parseModelJson, requireWholeShards, toArtifacts } from './model-json.js';

export interface ReadFiles {
  readonly artifacts: io.ModelArtifacts;
  /** Size of all files. */
  readonly bytes: number;
  readonly files: readonly string[];
}

/** @throws InputError `NOT_FOUND`, `BAD_FILE` or `UNSUPPORTED` */
export async function readFiles(source: string): Promise<ReadFiles> {
  const { text, bytes } = await readText(source);
  const { json, groups } = parseModelJson(text, source);
  const located: ContainedFile[] = [];
  for (const group of groups) located.push(...(await locate(group, source)));
  // Allocated once every size is known to be right.
  const total = located.reduce((sum, { size }) => sum + size, 0);
  requireMemory(`${source}: reading its shards`, total, 'use a machine with more');
  const weightData = new ArrayBuffer(total);
  let at = 0;
  for (const { path, size } of located) {
    await readInto(new Uint8Array(weightData, at, size), path);
    at += size;
  }
  return {
    artifacts: toArtifacts(json, groups, weightData),
    bytes: bytes + total,
    files: [source, ...located.map(({ path }) => path)],
  };
}

/** The text of a file, and how many bytes the file has. */
async function readText(source: string): Promise<{ text: string; bytes: number }> {
  try {
    const found = await stat(source);
    if (!found.isFile() && !found.isFIFO() && !found.isDirectory()) {
      throw new InputError('BAD_FILE', `${source} is not a TensorFlow.js model: it is a device; name a file`);
    }
    const content = await readFile(source);
    return { text: decodeText(content), bytes: content.length };
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

/** The shards of a group, with as many bytes as the weights need. Their paths are parts of URLs, as TensorFlow.js takes them. */
async function locate(group: ManifestGroup, source: string): Promise<ContainedFile[]> {
  const shards: ContainedFile[] = [];
  for (const path of group.paths)
    shards.push(await containedFile(source, path, `${source}: a shard`, { encoded: true }));
  requireWholeShards(group, shards, source);
  return shards;
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
