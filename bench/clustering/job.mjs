// What a child process is asked and answers: JSON in its first argument, JSON on its standard output.
import { readFile } from 'node:fs/promises';

export function job() {
  return JSON.parse(process.argv[2]);
}

export function answer(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** @returns the values of a file of float32, in memory of their own */
export async function readVectors(path) {
  const bytes = await readFile(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
}

/** The most memory that this process has held at any time, in bytes. */
export function peakMemory() {
  return process.resourceUsage().maxRSS * 1024;
}
