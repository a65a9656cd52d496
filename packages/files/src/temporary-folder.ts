import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@spherize/core';

/**
 * Makes a new folder where the system keeps temporary files. The caller removes it.
 *
 * @param prefix how its name begins
 * @throws InputError `NOT_FOUND` when that place does not exist or may not be written to
 */
export async function temporaryFolder(prefix: string): Promise<string> {
  return mkdtemp(join(tmpdir(), prefix)).catch((cause: NodeJS.ErrnoException) => {
    const why = WHY[cause.code ?? ''];
    if (why === undefined) throw cause;
    throw new InputError(
      'NOT_FOUND',
      `the folder for temporary files, ${tmpdir()}, ${why}: make it, or let TMPDIR name another`,
      { cause },
    );
  });
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'is no folder',
  EACCES: 'may not be written to',
  EROFS: 'may not be written to',
};
