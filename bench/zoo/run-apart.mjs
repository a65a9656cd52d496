/** Runs measurements in processes of their own, within limits of time and memory. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
const GIGABYTE = 1e9;

/**
 * @param limits seconds, and bytes of resident memory, which only Linux tells
 * @param worker the script, which answers as `worker.mjs` does
 * @returns what was found until the end, with `failed`, one line, where that came too soon
 */
export function measureApart(model, settings, { seconds, bytes }, signal, worker = WORKER) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = fork(worker, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    const answer = { found: {} };
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors = (errors + text).slice(-2000);
    });
    const end = (failed) => {
      answer.failed ??= failed;
      child.kill('SIGKILL');
    };
    const started = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - started > 1000 * seconds) end(`over ${seconds} s`);
      else if (residentBytes(child.pid) > bytes) end(`over ${(bytes / GIGABYTE).toFixed(1)} GB of memory`);
    }, 200);
    const abort = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', abort, { once: true });
    child.on('message', (message) => Object.assign(answer, message));
    child.on('error', reject);
    child.on('close', (code, killed) => {
      clearInterval(timer);
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) return reject(signal.reason);
      const { found, failed, done } = answer;
      const last = errors.trim().split('\n').at(-1);
      const ended = done ? undefined : `the process ended with ${killed ?? code}${last ? `: ${last}` : ''}`;
      resolve({ ...found, ...((failed ?? ended) !== undefined && { failed: failed ?? ended }) });
    });
    child.send({ model, settings });
  });
}

function residentBytes(pid) {
  try {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  } catch {
    return 0;
  }
}
