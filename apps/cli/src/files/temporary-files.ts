/**
 * Files that are written beside their target, and what becomes of them when a run is killed.
 *
 * The name says who writes: `.TARGET.PID-HOST-UUID.spherize`. A later run on the same machine removes such files of processes
 * that are no more.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
const PATTERN = /^\..+\.(\d+)-([0-9a-f]{8})-[0-9a-f-]{36}\.spherize$/;

/** Where to write what will be renamed to `target`. */
export function temporaryName(target: string): string {
  return join(dirname(target), `.${basename(target)}.${process.pid}-${HOST}-${randomUUID()}.spherize`);
}

/** Removes temporary files from a folder whose process on this machine has ended. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid, host] = PATTERN.exec(name) ?? [];
    if (pid !== undefined && host === HOST && !isRunning(Number(pid))) {
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
