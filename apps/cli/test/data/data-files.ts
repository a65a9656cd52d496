/** Data files for the tests, written byte by byte into a folder that is removed afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, type InputErrorCode } from '@spherize/core';
import { afterAll, expect } from 'vitest';

/** Makes a folder for the tests of one file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spherize-data-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file into a folder and returns its path. */
export function write(folder: string, name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** The bytes of an IDX file; `body` holds the elements, big-endian already. */
export function idxBytes(
  shape: readonly number[],
  body: Uint8Array | readonly number[],
  type = 0x08,
): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  shape.forEach((length, axis) => {
    header.writeUInt32BE(length, 4 + 4 * axis);
  });
  return Buffer.concat([header, Uint8Array.from(body)]);
}

/** The bytes of an `.npy` file, version 1.0, aligned to 64 bytes as NumPy does. */
export function npyBytes(
  type: string,
  shape: readonly number[],
  body: ArrayBufferView,
  fortran = false,
): Buffer {
  const axes = shape.map((length) => `${length},`).join(' ');
  const order = fortran ? 'True' : 'False';
  const text = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': (${axes}), }`;
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  const elements = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded), elements]);
}

/** Expects an InputError of this code whose one-line message contains all the given parts. */
export async function expectInputError(
  promise: Promise<unknown>,
  code: InputErrorCode,
  ...parts: readonly string[]
): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { code: found, message } = error as InputError;
  expect(message).not.toContain('\n');
  for (const part of parts) expect(message).toContain(part);
  expect(found).toBe(code);
}
