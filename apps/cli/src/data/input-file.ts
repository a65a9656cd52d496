/**
 * Reading a data file as a whole, with the usual failures said in one line.
 */
import { readFile, stat } from 'node:fs/promises';
import { InputError } from '@spherize/core';
import { requireMemory } from '@spherize/files';

/**
 * Reads a file.
 *
 * @throws InputError when the path does not exist, is a folder, may not be read or is above Node's limit of 2 GiB.
 */
export async function readInputFile(path: string): Promise<Buffer> {
  try {
    const found = await stat(path);
    if (found.isCharacterDevice() || found.isBlockDevice()) {
      throw new InputError('BAD_ARGUMENT', `${path}: is a device, expected a file`);
    }
    requireMemory(`${path}: reading it`, found.size, 'split it, or give fewer samples');
    return await readFile(path);
  } catch (cause) {
    throw explainFileError(path, cause);
  }
}

/** Turns an error of the file system into an InputError that names the path; returns any other error as it is. */
export function explainFileError(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
      return new InputError('NOT_FOUND', `${path}: no such file or folder; check the path`, { cause });
    case 'ENOTDIR':
      return new InputError('BAD_ARGUMENT', `${path}: is a file, expected a folder`, { cause });
    case 'EISDIR':
      return new InputError('BAD_ARGUMENT', `${path}: is a folder, expected a file`, { cause });
    case 'EACCES':
    case 'EPERM':
      return new InputError('BAD_FILE', `${path}: may not be read; check its permissions`, { cause });
    case 'ERR_FS_FILE_TOO_LARGE':
      return new InputError('UNSUPPORTED', `${path}: is larger than 2 GiB; split it or give fewer samples`, {
        cause,
      });
    default:
      return cause;
  }
}
