/** Writes a model's bytes so that the target is either the old file or the whole new one. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '@spherize/core';

/**
 * Writes to a temporary file beside the target, then renames it.
 *
 * @returns number of bytes written
 * @throws InputError `NOT_FOUND` when the target's folder does not exist
 */
export async function writeModel(bytes: Uint8Array, target: string): Promise<number> {
  const folder = dirname(target);
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new InputError('NOT_FOUND', `cannot write ${target}: there is no folder ${folder}`);
  }
  const temporary = join(folder, `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return bytes.length;
}
