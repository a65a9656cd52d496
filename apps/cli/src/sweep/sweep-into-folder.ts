import { makeResultFolder, requireResultFolder } from '../files/atomic-write.js';
import { matrixEngine } from '../plugins/matrix-engines.js';
import { interruptible } from '../terminal/interrupt.js';
import { startProgress } from '../terminal/progress.js';
import type { SweepResults } from './results.js';
import { runSweep, type SweepOptions, sweepWork } from './run-sweep.js';
import { writeResults } from './write-results.js';

/**
 * Runs a sweep under a progress bar, and writes its files once it is complete: a run that fails or is interrupted leaves no
 * folder behind.
 */
export async function sweepIntoFolder(
  folder: string,
  options: Omit<SweepOptions, 'engine' | 'signal' | 'progress'>,
): Promise<{ results: SweepResults; files: string[] }> {
  await requireResultFolder(folder);
  const progress = startProgress(sweepWork(options.settings));
  const results = await interruptible((signal) =>
    runSweep({ ...options, engine: matrixEngine(), signal, progress }),
  ).finally(() => progress.stop());
  await makeResultFolder(folder);
  return { results, files: await writeResults(folder, results) };
}
