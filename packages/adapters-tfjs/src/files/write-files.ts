/** Writes a model.json and its shards so that the model.json always names whole shards. */
import { createHash } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { InputError, temporaryFileName } from '@spherize/core';
import type { Artifacts } from '../artifacts/artifacts.js';
import { modelFiles, parseModelJson } from './model-json.js';

/**
 * Writes everything under temporary names, then renames the shards and last the model.json. Shards are called after their
 * content too, so that those of the old model stay what they are until its model.json is replaced. The shards of a model that is
 * replaced go, unless another model of the folder has them too.
 *
 * @param target path of the model.json; its shards lie beside it, and are called after it unless it is `model.json`
 * @returns number of bytes written
 * @throws InputError `NOT_FOUND` when the target's folder does not exist
 */
export async function writeFiles(artifacts: Artifacts, target: string): Promise<number> {
  const folder = dirname(target);
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new InputError('NOT_FOUND', `cannot write ${target}: there is no folder ${folder}`);
  }
  const name = basename(target);
  const stem = name.replace(/\.json$/i, '');
  const files = modelFiles(artifacts, name, stem === 'model' ? '' : `${stem}.`, digestOf);
  const replaced = await shardsOf(target);
  const pairs = files.map((file) => ({
    file,
    temporary: join(folder, temporaryFileName(file.name, process.pid, hostname())),
  }));
  let bytes = 0;
  try {
    for (const { file, temporary } of pairs) bytes += await writePieces(temporary, file.pieces);
    for (const { file, temporary } of pairs) await rename(temporary, join(folder, file.name));
  } catch (error) {
    await Promise.all(pairs.map(({ temporary }) => rm(temporary, { force: true })));
    throw error;
  }
  const written = new Set(files.map((file) => file.name));
  await removeUnused(
    folder,
    replaced.filter((shard) => !written.has(shard)),
  );
  return bytes;
}

/** Ten hex digits that tell contents apart. */
function digestOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex').slice(0, 10);
}

/** Removes shards that no .json file of the folder names. */
async function removeUnused(folder: string, shards: readonly string[]): Promise<void> {
  if (shards.length === 0) return;
  const texts = (await readdir(folder)).filter((name) => /\.json$/i.test(name));
  const unused = new Set(shards);
  for (const name of texts) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    for (const shard of unused) if (text.includes(shard)) unused.delete(shard);
  }
  await Promise.all([...unused].map((shard) => rm(join(folder, shard), { force: true })));
}

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<number> {
  const file = await open(path, 'wx');
  let bytes = 0;
  try {
    for (const piece of pieces) {
      await file.writeFile(piece);
      bytes += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return bytes;
}

/** The shards beside a model.json that is about to be replaced. */
async function shardsOf(target: string): Promise<string[]> {
  try {
    const { groups } = parseModelJson(await readFile(target, 'utf8'), target);
    return groups.flatMap(({ paths }) => paths).filter((path) => /^[\w.-]+\.bin$/.test(path));
  } catch {
    // No model was there.
    return [];
  }
}
