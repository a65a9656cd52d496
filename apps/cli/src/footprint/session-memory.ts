import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TensorInfo } from '@spherize/core';
import type { Reach } from '@spherize/core/proof';
import type { SessionMemoryReport } from './session-memory-process.js';

const PROCESS = fileURLToPath(new URL('./session-memory-process.js', import.meta.url));

/** What the process is told. */
export interface MeasuredSession {
  readonly path: string;
  readonly seed: number;
  readonly format: string | undefined;
  /** The model's inputs; `null` in a shape, as JSON has it, is a free axis. */
  readonly inputs: readonly TensorInfo[];
  readonly reach: Reach;
}

/**
 * Growth of the resident memory of a fresh process, in bytes, from before it makes one session of a model to after the
 * session ran one sample. The model's file is read before: its bytes do not count.
 */
export async function sessionMemory(measured: MeasuredSession, signal?: AbortSignal): Promise<number> {
  const child = fork(PROCESS, [JSON.stringify(measured)], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...(signal ? { signal } : {}),
  });
  return new Promise((resolve, reject) => {
    let report: SessionMemoryReport | undefined;
    child.on('message', (message) => {
      report = message as SessionMemoryReport;
    });
    child.on('error', reject);
    child.on('close', (code, ended) => {
      if (report && 'growth' in report) resolve(report.growth);
      else
        reject(
          new Error(
            `${measured.path}: session memory: ${report?.error ?? `the process ended with ${code ?? ended}`}`,
          ),
        );
    });
  });
}
