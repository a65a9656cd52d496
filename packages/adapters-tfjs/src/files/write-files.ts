/** Writes a model.json and its shards so that the model.json always names whole shards. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { decodeText, derivedName, partsOf, replaceFiles } from '@spherize/files';
import type { Artifacts } from '../artifacts/artifacts.js';
import { modelFiles, parseModelJson } from './model-json.js';

/**
 * Writes everything under temporary names, then renames the shards and last the model.json. Shards are called after their
 * content too, so that those of the old model stay what they are until its model.json is replaced. The shards of a model that is
 * replaced go, unless another model of the folder has them too.
 *
 * @param target path of the model.json; its shards lie beside it, and are called after it unless it is `model.json`
 * @returns number of bytes written
 * @throws InputError as `requireReplaceable`
 */
export async function writeFiles(artifacts: Artifacts, target: string): Promise<number> {
  const folder = dirname(target);
  const name = basename(target);
  // Shards are read by URLs: signs that mean something there are no part of their names.
  const stem = name.replace(/\.json$/i, '').replace(/[%#?]/g, '_');
  const nameShard = (ending: string): string => (stem === 'model' ? ending : derivedName(stem, `.${ending}`));
  const files = modelFiles(artifacts, name, nameShard, digestOf);
  const replaced = await shardsOf(target);
  const bytes = await replaceFiles(
    files.map((file) => ({ target: join(folder, file.name), parts: partsOf(file.pieces) })),
  );
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

/** The shards beside a model.json that is about to be replaced. */
async function shardsOf(target: string): Promise<string[]> {
  try {
    const { groups } = parseModelJson(decodeText(await readFile(target)), target);
    return groups.flatMap(({ paths }) => paths).filter((path) => /^[\w.-]+\.bin$/.test(path));
  } catch {
    // No model was there.
    return [];
  }
}
