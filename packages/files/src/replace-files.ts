/** Writes files so that readers see the old ones or the new ones, never part of one, also after a kill or a power failure. */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError } from '@spherize/core';
import { temporaryPath } from './temporary-files.js';

/** Bytes at a place in a file. */
export interface FilePart {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** A file to write: what no part covers is zero. */
export interface NewFile {
  readonly target: string;
  readonly parts: readonly FilePart[];
}

export interface ReplaceOptions {
  /** Whether the bytes shall be on the disk, and not only on their way to it, before a file takes its place. Default yes. */
  readonly durable?: boolean;
  /**
   * Puts the written files in place, given their temporary paths in the order of the files. Default: each is renamed to its
   * target, in order.
   */
  readonly place?: (temporaries: readonly string[]) => Promise<void>;
}

/** The most that is written by one call. */
const CHUNK = 2 ** 30;

/** Pieces one after the other. */
export function partsOf(pieces: Iterable<Uint8Array>): FilePart[] {
  let end = 0;
  return Array.from(pieces, (bytes) => {
    const offset = end;
    end += bytes.length;
    return { bytes, offset };
  });
}

/**
 * Writes a file beside its target and renames it. Returns its bytes.
 *
 * A target that is a link is replaced by the file; what it led to stays as it is.
 *
 * @throws InputError as `requireReplaceable`
 *
 * @example
 * await replaceFile('settings.json', JSON.stringify({ ratio: 0.5 }));
 */
export function replaceFile(target: string, content: string | Uint8Array): Promise<number> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return replaceFiles([{ target, parts: partsOf([bytes]) }]);
}

/**
 * Writes all files beside their targets, under temporary names, then has them put in place. What has not found its place when
 * that fails is removed. Targets that are links are replaced, as by `replaceFile`.
 *
 * @returns the bytes of all files
 * @throws InputError as `requireReplaceable`, for each of them and before anything is written
 */
export async function replaceFiles(
  files: readonly NewFile[],
  { durable = true, place }: ReplaceOptions = {},
): Promise<number> {
  for (const { target } of files) await requireReplaceable(target);
  const temporaries: string[] = [];
  let total = 0;
  try {
    for (const { target, parts } of files) {
      const temporary = temporaryPath(target);
      temporaries.push(temporary);
      const file = await open(temporary, 'wx');
      try {
        for (const part of parts) await writePart(file, part);
        if (durable) await file.sync();
        total += (await file.stat()).size;
      } finally {
        await file.close();
      }
    }
    if (place) await place(temporaries);
    else for (const [i, { target }] of files.entries()) await rename(temporaries[i]!, target);
  } catch (error) {
    for (const temporary of temporaries) await rm(temporary, { force: true });
    throw error;
  }
  return total;
}

/**
 * Makes sure that a file can take this place.
 *
 * @throws InputError `NOT_FOUND` when its folder does not exist; `BAD_ARGUMENT` when its name is longer than the file system takes, or it is
 *   something else than a file (a folder, a device), also behind a link
 */
export async function requireReplaceable(target: string): Promise<void> {
  const folder = dirname(target);
  const home = await stat(folder).catch(() => undefined);
  if (!home?.isDirectory())
    throw new InputError('NOT_FOUND', `cannot write ${target}: there is no folder ${folder}`);
  const found = await stat(target).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENAMETOOLONG') return undefined;
    throw new InputError(
      'BAD_ARGUMENT',
      `cannot write ${target}: its name is longer than the file system takes: give a shorter one`,
      { cause },
    );
  });
  if (found === undefined || found.isFile()) return;
  const kind = found.isDirectory() ? 'a folder' : 'a device or a pipe';
  throw new InputError('BAD_ARGUMENT', `cannot write ${target}: it is ${kind}: give the name of a file`);
}

async function writePart(file: FileHandle, { bytes, offset }: FilePart): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(CHUNK, bytes.length - done);
    done += (await file.write(bytes, done, length, offset + done)).bytesWritten;
  }
}
