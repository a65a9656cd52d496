/**
 * Runs the command: many command lines in one process, for what a command line does, or one in a process of its own as a shell would
 * run it, for what only a process has: signals, streams, memory, the time that it takes to start.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** The command's program. */
export const BINARY: string = fileURLToPath(new URL('../../bin/spherize.js', import.meta.url));

/** What a finished run left. */
export interface Run {
  /** The exit code, or null when a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes a folder for the tests of one file. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'spherize-cli-')));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts `spherize` with these arguments in a working folder. Neither stream is a terminal. */
export function start(
  folder: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): { child: ChildProcess; ended: Promise<Run> } {
  const child = spawn(process.execPath, [...nodeOptions, BINARY, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Run>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

/** The process of the command lines, started with the first; it ends with the one that the tests run in. */
let shared: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

function startShared(): ChildProcess {
  const child = fork(new URL('command-process.mjs', import.meta.url));
  child.unref();
  child.channel?.unref();
  child.once('exit', () => {
    shared = undefined;
  });
  return child;
}

/** Runs a command line to its end, in the process that runs the others of all test files of this worker, one after the other. */
export function spherize(folder: string, ...args: readonly string[]): Promise<Run> {
  const run = last.then(
    () =>
      new Promise<Run>((resolve, reject) => {
        shared ??= startShared();
        const runner = shared;
        const fail = (code: number | null, signal: NodeJS.Signals | null) =>
          reject(new Error(`the process ended with ${signal ?? code} in: spherize ${args.join(' ')}`));
        runner.once('exit', fail);
        runner.once('message', (left) => {
          runner.off('exit', fail);
          resolve(left as Run);
        });
        runner.send({ folder, args, cache: process.env.SPHERIZE_CACHE });
      }),
  );
  last = run.catch(() => {});
  return run;
}

/** Runs `spherize … --json`, which must succeed in silence, and returns its document. */
export async function spherizeJson<T>(folder: string, ...args: readonly string[]): Promise<T> {
  const run = await spherize(folder, ...args, '--json');
  if (run.code !== 0 || run.stderr !== '') {
    throw new Error(`spherize ${args.join(' ')} exited with ${run.code}: ${run.stderr}`);
  }
  return JSON.parse(run.stdout) as T;
}
