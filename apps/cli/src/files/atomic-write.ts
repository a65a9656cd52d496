import { access, constants, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '@spherize/core';
import { removeAbandoned, temporaryPath } from './temporary-files.js';

/**
 * Writes a file beside its target and renames it: readers see the old file or the new one, never part of one, also after
 * a kill or a power failure.
 */
export async function writeFileAtomically(target: string, content: string | Uint8Array): Promise<void> {
  const temporary = temporaryPath(target);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Makes sure that a file can be written, and removes what killed runs left in its folder.
 *
 * @throws InputError unless a file can be written as `target`: its folder exists, and it is no folder itself
 */
export async function requireWritableFile(target: string): Promise<void> {
  await requireWritableFolder(dirname(resolve(target)));
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new InputError('BAD_ARGUMENT', `output '${target}' is a folder: a file name is needed`);
  }
  await removeAbandoned(dirname(resolve(target)));
}

/**
 * Makes sure that results can be written, and removes what killed runs left in their folder.
 *
 * @throws InputError unless results can go into `folder`: it is there, or can be made inside an existing one
 */
export async function requireResultFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found && !found.isDirectory()) {
    throw new InputError('BAD_ARGUMENT', `output '${folder}' is a file: a folder is needed`);
  }
  await requireWritableFolder(found ? folder : dirname(resolve(folder)));
  if (found) await removeAbandoned(folder);
}

/** Makes a folder for results inside an existing one. */
export async function makeResultFolder(folder: string): Promise<void> {
  await requireResultFolder(folder);
  await mkdir(folder, { recursive: true });
}

async function requireWritableFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new InputError('NOT_FOUND', `output folder '${folder}' does not exist: create it first`);
  }
  await access(folder, constants.W_OK).catch((cause) => {
    throw new InputError(
      'BAD_ARGUMENT',
      `output folder '${folder}' may not be written to: check its permissions`,
      { cause },
    );
  });
}
