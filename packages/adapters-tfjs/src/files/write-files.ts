/** Writes a model.json and its shards so that the model.json always names whole shards. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { decodeText, partsOf, replaceFiles } from '@spherize/files';
import type { Artifacts } from '../artifacts/artifacts.js';
import { modelFiles, parseModelJson } from './model-json.js';
import type { ShardPlan } from './shards.js';

/**
 * Writes everything under temporary names, then renames the shards and last the model.json. Shards are called after their
 * content, so that those of the old model stay what they are until its model.json is replaced. The shards of a model that is
 * replaced go, unless another model of the folder has them too.
 *
 * @param target path of the model.json; its shards lie beside it
 * @returns number of bytes written
 * @throws InputError as `requireReplaceable`
 */
export async function writeFiles(artifacts: Artifacts, target: string): Promise<number> {
  const folder = dirname(target);
  const name = basename(target);
  const files = modelFiles(artifacts, name, namesOf);
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

/** Base 36: letters of one case, as some file systems take all for one. */
const DIGITS = 36;
/** Their number, which no two models of a folder will share: 36 bits. */
const LENGTH = 7;

/**
 * `k3f9a2c.bin`, or `k3f9a2c-1of3.bin`, …: a digest of all weights. A model.json says the names, so that they are no longer than
 * those of the savers, such as `weights.bin`: what is not compressed shall not become larger.
 */
function namesOf(shards: ShardPlan['shards']): string[] {
  const hash = createHash('sha256');
  for (const piece of shards.flat()) hash.update(piece);
  const digest = hash.digest().readUIntBE(0, 6).toString(DIGITS).padStart(LENGTH, '0').slice(-LENGTH);
  return shards.map((_, i) => `${digest}${shards.length === 1 ? '' : `-${i + 1}of${shards.length}`}.bin`);
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
