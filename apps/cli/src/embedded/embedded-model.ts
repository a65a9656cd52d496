/**
 * The models that come with the command: stored packed, unpacked into the user's cache folder on first use.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@spherize/core';
import { removeAbandoned, replaceFile } from '@spherize/files';
import { unpackModel } from './compact-model.js';
import { embeddedFile } from './embedded-files.js';

/** A model that comes with the command. */
export interface EmbeddedModel {
  readonly name: string;
  /** File name in the package `@spherize/alexnet-fashion`. */
  readonly packedFile: string;
  /** SHA-256 of the unpacked file, in lower-case hex digits. */
  readonly sha256: string;
  /** Size of the unpacked file in bytes. */
  readonly size: number;
}

/** All embedded models. After a change of a packed file, `models/pack.mjs` prints the new figures. */
export const EMBEDDED_MODELS: readonly EmbeddedModel[] = [
  {
    name: 'alexnet-fashion',
    packedFile: 'alexnet-fashion.onnx.spz',
    sha256: '5e4a61e057b2fcbbee2a22ae133f5405012977238303eca77f8a959171bde835',
    size: 228_095_278,
  },
];

/** Whether a model of this name comes with the command. */
export function isEmbeddedModel(name: string): boolean {
  return EMBEDDED_MODELS.some((model) => model.name === name);
}

/**
 * The folder for unpacked models: `$SPHERIZE_CACHE` when set, otherwise `spherize` in the platform's cache folder
 * for the user: `$XDG_CACHE_HOME` or `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`.
 */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.SPHERIZE_CACHE) return env.SPHERIZE_CACHE;
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'spherize');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'spherize');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'spherize');
}

/**
 * The path of an embedded model as an ONNX file.
 *
 * The first use unpacks it into the cache folder and compares the SHA-256 (about a second for 228 MB); later ones
 * look only at the size. Several processes may do so at once. When nothing can be written to the cache folder, a
 * folder of the user in the system's folder for temporary files takes its place.
 *
 * @throws InputError `UNKNOWN_NAME` for another name, `NOT_FOUND` when the packed file is missing, `BAD_FILE` when
 * it is damaged.
 */
export async function embeddedModelPath(name: string): Promise<string> {
  const model = EMBEDDED_MODELS.find((candidate) => candidate.name === name);
  if (model === undefined) {
    const known = EMBEDDED_MODELS.map((candidate) => candidate.name).join(', ');
    throw new InputError('UNKNOWN_NAME', `embedded model: no "${name}", expected one of: ${known}`);
  }
  try {
    return await install(model, cacheFolder());
  } catch (error) {
    if (error instanceof InputError) throw error;
    return install(model, await temporaryFolder());
  }
}

async function install(model: EmbeddedModel, folder: string): Promise<string> {
  const path = join(folder, `${model.name}-${model.sha256.slice(0, 12)}.onnx`);
  if (await hasSize(path, model.size)) return path;

  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder);
  try {
    await replaceFile(path, await unpack(model));
  } catch (error) {
    // Windows does not replace a file that another process, which was faster, has open.
    if (!(await hasSize(path, model.size))) throw error;
  }
  return path;
}

async function unpack(model: EmbeddedModel): Promise<Uint8Array> {
  const path = embeddedFile(model.packedFile);
  const packed = await readFile(path).catch((cause: unknown) => {
    throw new InputError('NOT_FOUND', `embedded model: cannot read ${path}`, { cause });
  });
  const bytes = unpackModel(packed);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== model.sha256) {
    throw new InputError('BAD_FILE', `${path}: unpacked SHA-256 is ${sha256}, expected ${model.sha256}`);
  }
  return bytes;
}

async function hasSize(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true && found.size === size;
}

/** A folder that only this user can write to; one that somebody else made under the same name is refused. */
async function temporaryFolder(): Promise<string> {
  const { uid, username } = userInfo();
  const folder = join(tmpdir(), `spherize-${uid === -1 ? username : uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (uid !== -1 && (await stat(folder)).uid !== uid) {
    throw new InputError('BAD_FILE', `embedded model: ${folder} belongs to another user`);
  }
  return folder;
}
