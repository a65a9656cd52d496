/** Files that are written beside their target, and what becomes of them when a run is killed. */
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isOnHost, temporaryFileName, temporaryFileOwner } from '@spherize/core';

/** Where to write what will be renamed to `target`. */
export function temporaryPath(target: string): string {
  return join(dirname(target), temporaryFileName(basename(target), process.pid, hostname()));
}

/** Removes temporary files from a folder whose process on this machine has ended. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = temporaryFileOwner(name);
    if (owner !== undefined && isOnHost(owner, hostname()) && !isRunning(owner.pid)) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
