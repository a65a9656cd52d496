/** Data for inputs of other types than float32: what is stored arrives, or is refused in words. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ElementType } from '@spherize/core';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.js';
import { expectInputError, idxBytes, npyBytes, samplesOf, temporaryFolder, write } from './data-files.js';

const folder = temporaryFolder();
const labels = write(folder, 'y.npy', npyBytes('|u1', [1], Uint8Array.of(0)));
const BYTES = Uint8Array.of(0, 1, 128, 255);

function npy(name: string, type: string, values: ArrayBufferView & { readonly length: number }): string {
  return `npy:${write(folder, name, npyBytes(type, [1, values.length], values))},${labels}`;
}

async function valuesOf(spec: string, type: ElementType): Promise<number[]> {
  const data = await openDataset(spec, { type, limit: 1 });
  return [...(await samplesOf(data, 0, 1)).inputs];
}

describe('whole numbers arrive as they are stored', () => {
  it('from idx', async () => {
    const images = write(folder, 'images', idxBytes([1, 2, 2], BYTES));
    const spec = `idx:${images},${write(folder, 'labels', idxBytes([1], [0]))}`;
    expect(await valuesOf(spec, 'uint8')).toEqual([...BYTES]);
    expect(await valuesOf(spec, 'int64')).toEqual([...BYTES]);
    await expectInputError(
      openDataset(spec, { type: 'int8' }),
      'BAD_FILE',
      'images: has 128 at [0, 1, 0]',
      'int8',
    );
  });

  it('from fashion-mnist', async () => {
    const values = await valuesOf('fashion-mnist', 'uint8');
    expect(Math.max(...values)).toBe(255);
    expect(await valuesOf('fashion-mnist', 'float32')).toEqual(
      values.map((value) => Math.fround(value / 255)),
    );
  });

  it('from folder', async () => {
    mkdirSync(join(folder, 'photos', 'a'), { recursive: true });
    await sharp(BYTES, { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toFile(join(folder, 'photos/a/x.png'));
    const open = (type: ElementType) =>
      openDataset(`folder:${folder}/photos`, { sampleShape: [1, 2, 2], type });
    expect([...(await samplesOf(await open('uint8'), 0, 1)).inputs]).toEqual([...BYTES]);
    await expectInputError(open('int8'), 'UNSUPPORTED', 'pixels are 0 to 255', 'from -128 to 127 (int8)');
    await expectInputError(open('string'), 'UNSUPPORTED', 'takes string');
  });

  it('from npy, exactly up to 2^53', async () => {
    const wide = npy('wide.npy', '<i8', BigInt64Array.of(2n ** 24n + 1n, -(2n ** 53n)));
    expect(await valuesOf(wide, 'int64')).toEqual([2 ** 24 + 1, -(2 ** 53)]);
    const truth = npy('truth.npy', '|b1', Uint8Array.of(0, 1));
    expect(await valuesOf(truth, 'bool')).toEqual([0, 1]);
    expect(await valuesOf(npy('whole.npy', '<f4', Float32Array.of(3, -4)), 'int32')).toEqual([3, -4]);
  });
});

describe('what an input does not hold is refused', () => {
  it.each<
    [
      string,
      string,
      Float32Array | Int8Array | Int32Array | Uint8Array | BigInt64Array | Float64Array,
      ElementType,
      string,
      string,
    ]
  >([
    ['a fraction', '<f4', Float32Array.of(1, 0.5), 'uint8', 'has 0.5 at [0, 1]', 'before scaling'],
    ['a negative number', '|i1', Int8Array.of(1, -1), 'uint8', 'has -1 at [0, 1]', 'from 0 to 255 (uint8)'],
    ['a large number', '<i4', Int32Array.of(1, 256), 'uint8', 'has 256 at [0, 1]', 'uint8'],
    ['more than a truth value', '|u1', Uint8Array.of(1, 2), 'bool', 'has 2 at [0, 1]', 'from 0 to 1 (bool)'],
    [
      'an index beyond int32',
      '<i8',
      BigInt64Array.of(1n, 2n ** 31n),
      'int32',
      'has 2147483648 at [0, 1]',
      'int32',
    ],
    ['a double beyond float32', '<f8', Float64Array.of(1, 1e39), 'float32', 'has 1e+39 at [0, 1]', 'float32'],
    ['a float beyond float16', '<f4', Float32Array.of(1, 70000), 'float16', 'has 70000 at [0, 1]', 'float16'],
  ])('%s', async (what, stored, values, type, ...parts) => {
    await expectInputError(openDataset(npy(`${what}.npy`, stored, values), { type }), 'BAD_FILE', ...parts);
  });

  it('an integer that no double holds', async () => {
    const spec = npy('beyond.npy', '<i8', BigInt64Array.of(1n, 2n ** 53n + 1n));
    await expectInputError(openDataset(spec), 'UNSUPPORTED', 'has 9007199254740993 at [0, 1]', '2^53');
  });

  it.each(['mean', 'std'] as const)('a %s for whole numbers', async (name) => {
    const spec = npy('bytes.npy', '|u1', BYTES);
    await expectInputError(
      openDataset(spec, { type: 'uint8', [name]: [1] }),
      'BAD_ARGUMENT',
      'takes uint8',
      '--mean',
    );
  });
});

it('a float16 input takes large numbers that --std makes small, a float32 input none that it makes large', async () => {
  const spec = npy('large.npy', '<f4', Float32Array.of(70000, 7));
  const data = await openDataset(spec, { type: 'float16', std: [1000] });
  expect([...(await samplesOf(data, 0, 1)).inputs]).toEqual([70, Math.fround(0.007)]);
  await expectInputError(openDataset(spec, { std: [1e-36] }), 'BAD_FILE', 'has 70000', 'float32');
});

it('float64 inputs are not rounded to float32', async () => {
  expect(await valuesOf(npy('doubles.npy', '<f8', Float64Array.of(0.1, 1e300)), 'float64')).toEqual([
    0.1, 1e300,
  ]);
});

it('images with their channels last are normalised by them', async () => {
  const values = Uint8Array.from({ length: 12 }, (_, i) => i);
  const images = write(folder, 'nhwc.npy', npyBytes('|u1', [1, 2, 2, 3], values));
  const spec = `npy:${images},${labels}`;
  const mean = [0, 1, 2];
  const data = await openDataset(spec, { sampleShape: [2, 2, 3], mean, std: [1, 1, 2] });
  const expected = [...values].map((value, i) =>
    Math.fround(Math.fround(Math.fround(value / 255) - mean[i % 3]!) / [1, 1, 2][i % 3]!),
  );
  expect([...(await samplesOf(data, 0, 1)).inputs]).toEqual(expected);
  await expectInputError(openDataset(spec, { mean: [1, 2] }), 'BAD_ARGUMENT', '1 or 3 numbers', 'got 2');
});
