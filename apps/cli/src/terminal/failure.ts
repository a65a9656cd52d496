import { InputError } from '@spherize/core';
import { CommanderError } from 'commander';
import { errorColours } from './colours.js';
import { Interrupted } from './interrupt.js';
import { visible } from './visible.js';

const SUCCESS = 0;
const FAULT = 1;
const BAD_INPUT = 2;
/** 128 and the signal's number, as shells have it. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** Characters of a line on stderr: names in a model may be of any length. */
const LONGEST_LINE = 1000;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough, such as `head`, is no failure.
  if (error.code === 'EPIPE') process.exit();
  const line = `standard output cannot be written to: ${error.message}; send it to another place`;
  process.stderr.write(`${errorColours.red('spherize')}: ${visible(line)}\n`);
  process.exit(FAULT);
});
// Nobody is left to tell.
process.stderr.on('error', () => {});

/** 2 for bad usage or input, 130 when interrupted, 143 when politely killed, 1 for anything else; help and version are successes. */
export function exitCodeFor(error: unknown): number {
  // By name: a plug-in may have its own copy of core.
  if (error instanceof Error && error.name === InputError.name) return BAD_INPUT;
  if (error instanceof CommanderError) return error.exitCode === 0 ? SUCCESS : BAD_INPUT;
  if (error instanceof Interrupted) return SIGNAL_CODES[error.signal];
  return isAbort(error) ? SIGNAL_CODES.SIGINT : FAULT;
}

/** Prints one line on stderr that says what went wrong; with `verbose` the stack as well. */
export function reportError(error: unknown, verbose: boolean): void {
  if (error instanceof CommanderError && error.exitCode === 0) return;
  process.stderr.write(`${errorColours.red('spherize')}: ${describeError(error)}\n`);
  if (verbose && error instanceof Error && error.stack) {
    process.stderr.write(`${error.stack.split('\n').map(visible).join('\n')}\n`);
  }
}

/** What went wrong, in one line that a terminal shows as it is. */
export function describeError(error: unknown): string {
  const line = visible(
    messageOf(error)
      .replace(/\s*[\r\n]\s*/g, ' ')
      .trim(),
  );
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
}

function messageOf(error: unknown): string {
  if (isAbort(error)) return 'interrupted';
  // What commander throws instead of its help text says nothing.
  if (error instanceof CommanderError && error.code === 'commander.help')
    return 'expected a command; see --help';
  if (error instanceof CommanderError) return `${error.message.replace(/^error: |\.$/g, '')}; see --help`;
  // Models are proved before they are written.
  if (error instanceof Error && error.name === 'ProofError') return `${error.message}; nothing was written`;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return 'the disk is full: make room and run the command again; what was there before is untouched';
  }
  if (code === 'EROFS') return 'the file system is read-only: choose another place to write to';
  return error instanceof Error ? error.message : String(error);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
