/**
 * The files that a model names: they stay in its folder.
 *
 * A model may be a link, as caches of downloads lay them: `snapshots/1/model.onnx → ../../blobs/6f1e…`, and its data beside it
 * likewise. So two folders are allowed, with what is below them: that of the model's path as given, and that of the file which the path leads to. Nothing else
 * is, whatever links lead there.
 */
import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { InputError } from '@spherize/core';

/** A regular file of a model. */
export interface ContainedFile {
  /** Its real path: no part of it is a link. */
  readonly path: string;
  readonly size: number;
}

export interface ContainedFileOptions {
  /** Whether the name may be percent-encoded, as in a URL: it is decoded when no file is called as it stands. Default no. */
  readonly encoded?: boolean;
}

/**
 * Finds a file that a model names, by its path from the model's folder, there or in the folder of the file that the model's path leads to.
 *
 * @param source the model's path; the model exists
 * @param name the path that the model gives
 * @param what what the file holds, as the start of a message
 * @throws InputError `UNSUPPORTED` for URLs and for places outside, `NOT_FOUND` when there is no file, `BAD_FILE` when it is a
 *   folder, a device or a pipe
 */
export async function containedFile(
  source: string,
  name: string,
  what: string,
  { encoded = false }: ContainedFileOptions = {},
): Promise<ContainedFile> {
  requireInside(name, what);
  const decoded = encoded ? decodedName(name) : name;
  if (decoded !== name) requireInside(decoded, what, name);
  const real = await realPathOf(source);
  // A pipe has no real path.
  const folders = new Set([await realpath(dirname(source)), ...(real === undefined ? [] : [dirname(real)])]);
  for (const candidate of new Set([name, decoded])) {
    for (const folder of folders) {
      const path = await realPathOf(join(folder, candidate));
      if (path === undefined) continue;
      if (![...folders].some((allowed) => isBelow(path, allowed))) {
        throw new InputError(
          'UNSUPPORTED',
          `${what} lies at '${name}', which leads out of the model's folder; put the file itself there`,
        );
      }
      return { path, size: sizeOf(await stat(path), path, what) };
    }
  }
  throw new InputError('NOT_FOUND', `${what} is missing: there is no file ${name}; put it beside the model`);
}

function sizeOf(found: Stats, path: string, what: string): number {
  // Known before it is opened: opening a pipe would wait for its writer.
  if (found.isFile()) return found.size;
  throw new InputError('BAD_FILE', `${what} lies at ${path}, which is no file; export the model again`);
}

/** Refuses what leads elsewhere by its text alone; `given` is how the model has it. */
function requireInside(name: string, what: string, given = name): void {
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(name)) {
    throw new InputError(
      'UNSUPPORTED',
      `${what} lies at '${given}': nothing is fetched, it must be a file below the model's folder`,
    );
  }
  // A colon is part of names, but on Windows: there it marks a drive or a stream.
  const elsewhere = isAbsolute(name) || (process.platform === 'win32' && name.includes(':'));
  if (name === '' || name.includes('\0') || elsewhere || name.split(/[\\/]/).includes('..')) {
    throw new InputError(
      'UNSUPPORTED',
      `${what} lies at '${given}', not below the model's folder; move it there`,
    );
  }
}

function decodedName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // A percent sign of its own.
    return name;
  }
}

/** Where a path leads, or undefined when nothing is there. */
async function realPathOf(path: string): Promise<string | undefined> {
  return realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(error.code ?? '')) return undefined;
    throw error;
  });
}

/** Both paths are real. */
function isBelow(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
