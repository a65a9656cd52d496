/** Data files for the tests, written byte by byte into a folder that is removed afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, type InputErrorCode, type Tensor } from '@spherize/core';
import { consecutive, type LabelledData } from '@spherize/core/evaluation';
import { zipSync } from 'fflate';
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

/** Consecutive samples of data for one input: its values, and the labels. */
export async function samplesOf(
  data: LabelledData,
  start: number,
  count: number,
): Promise<{ inputs: Tensor['data']; shape: readonly number[]; labels: Int32Array }> {
  const { inputs, labels } = await data.batch(consecutive(start, count));
  const [tensor] = Object.values(inputs);
  return { inputs: tensor!.data, shape: tensor!.shape, labels };
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

/** The bytes of an `.npz` file; `level` 0 stores its members as they are. */
export function npzBytes(arrays: Readonly<Record<string, Uint8Array>>, level: 0 | 6 = 6): Uint8Array {
  const members = Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]);
  return zipSync(Object.fromEntries(members), { level });
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
