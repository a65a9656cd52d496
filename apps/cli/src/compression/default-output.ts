/** Where a compressed model goes when nothing says so: beside the original. */
import { mkdir, rmdir } from 'node:fs/promises';
import { basename, dirname, extname, join, parse } from 'node:path';
import { derivedName } from '@spherize/files';
import { isEmbeddedModel } from '../embedded/embedded-model.js';

/**
 * `NAME.small.onnx` beside `NAME.onnx`; for a model of several files its first one, in a folder `NAME.small` of their own. An embedded
 * model's goes into the working folder.
 *
 * @param source as the user called the model
 * @param path of the model's file
 */
export function defaultOutput(source: string, path: string): string {
  // The file of an embedded model is named by its content.
  const {
    dir: folder,
    name,
    base,
    ext,
  } = parse(isEmbeddedModel(source) ? `${source}${extname(path)}` : path);
  if (ext === '.json') return join(folder, derivedName(name, '.small'), base);
  return join(folder, derivedName(name, `.small${ext}`));
}

/** Makes the folder of a default output, inside the one that the model lies in. */
export async function makeOutputFolder(output: string): Promise<void> {
  await mkdir(dirname(output), { recursive: true });
}

/** Removes the folder of a default output where nothing came into it. */
export async function removeIfEmpty(output: string): Promise<void> {
  const folder = dirname(output);
  if (basename(folder).endsWith('.small')) await rmdir(folder).catch(() => {});
}
