/**
 * Files that are written beside their target, and what becomes of them when a run is killed.
 *
 * They are called `.TARGET.PID.HOST.ID.spherize`. TARGET and HOST are 12 hex digits that stand for the names of the file and
 * of the machine, so that every name of a target is short enough, and ID is random. Whoever finds one knows which process left it, and may
 * remove it once that is no more.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

const PATTERN = /^\.[\da-f]{12}\.(\d+)\.([\da-f]{12})\.[\da-f]{16}\.spherize$/;

/**
 * Where to write what will be renamed to `target`: a new name at every call, in the same folder.
 *
 * @param pid the process that writes
 * @param host the machine that it runs on
 */
export function temporaryPath(target: string, pid: number = process.pid, host: string = hostname()): string {
  const id = randomBytes(8).toString('hex');
  return join(dirname(target), `.${mark(basename(target))}.${pid}.${mark(host)}.${id}.spherize`);
}

/** Removes temporary files from a folder whose process on this machine has ended. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid, host] = PATTERN.exec(name) ?? [];
    if (pid !== undefined && host === mark(hostname()) && !isRunning(Number(pid))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function mark(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 12);
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
