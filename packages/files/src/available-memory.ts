import { freemem } from 'node:os';
import { InputError } from '@spherize/core';

/** Bytes that the process can still have, within what its container allows. */
export function availableMemory(): number {
  return process.availableMemory?.() ?? freemem();
}

/**
 * Refuses work that cannot fit before it starts.
 *
 * @param what what needs the memory, as the start of a sentence
 * @param remedy what to do instead
 * @throws InputError `UNSUPPORTED` with both numbers
 */
export function requireMemory(
  what: string,
  bytes: number,
  remedy: string,
  available: number = availableMemory(),
): void {
  if (bytes <= available) return;
  throw new InputError(
    'UNSUPPORTED',
    `${what} needs ${gigabytes(bytes)} of memory, ${gigabytes(available)} is free: ${remedy}`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
