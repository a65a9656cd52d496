import { InputError } from '@spherize/core';
import { CommanderError } from 'commander';

const SUCCESS = 0;
const FAULT = 1;
const BAD_INPUT = 2;
const INTERRUPTED = 130;

/** 2 for bad usage or input, 130 when interrupted, 1 for anything else; help and version are successes. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof InputError) return BAD_INPUT;
  if (error instanceof CommanderError) return error.exitCode === 0 ? SUCCESS : BAD_INPUT;
  return isAbort(error) ? INTERRUPTED : FAULT;
}

/** Prints one line on stderr that says what went wrong; with `verbose` the stack as well. */
export function reportError(error: unknown, verbose: boolean): void {
  if (error instanceof CommanderError && error.exitCode === 0) return;
  const message = isAbort(error) ? 'interrupted' : error instanceof Error ? error.message : String(error);
  const line = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  process.stderr.write(`spherize: ${line}\n`);
  if (verbose && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
