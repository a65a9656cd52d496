import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '@spherize/core';

/** Writes a file beside its target and renames it: readers see the old file or the new one, never part of one. */
export async function writeFileAtomically(target: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** @throws InputError `NOT_FOUND` unless the folder that is to hold `target` exists */
export async function requireParentFolder(target: string): Promise<void> {
  const folder = dirname(resolve(target));
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new InputError('NOT_FOUND', `output folder '${folder}' does not exist: create it first`);
  }
}

/** Makes a folder for results inside an existing one. */
export async function makeResultFolder(folder: string): Promise<void> {
  await requireParentFolder(folder);
  const found = await stat(folder).catch(() => undefined);
  if (found && !found.isDirectory()) {
    throw new InputError('BAD_ARGUMENT', `output '${folder}' is a file: a folder is needed`);
  }
  await mkdir(folder, { recursive: true });
}
