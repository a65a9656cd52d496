/** Makes sure that results can be written, before any work. */
import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '@spherize/core';
import { removeAbandoned, requireReplaceable } from '@spherize/files';

/**
 * Makes sure that a file can be written, and removes what killed runs left in its folder.
 *
 * @throws InputError unless a file can be written as `target`: its folder exists, and it is a file itself or nothing yet
 */
export async function requireWritableFile(target: string): Promise<void> {
  await requireWritableFolder(dirname(resolve(target)));
  await requireReplaceable(target);
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
