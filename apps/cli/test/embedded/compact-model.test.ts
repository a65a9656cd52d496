import { brotliCompressSync, crc32 } from 'node:zlib';
import { InputError } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { packModel, type TensorPayload, unpackModel } from '../../src/embedded/compact-model.js';

/** A model file of the given parts: text stays in the skeleton, numbers are float32 bit patterns of a tensor. */
function modelOf(...parts: (string | number[])[]): { model: Buffer; payloads: TensorPayload[] } {
  const payloads: TensorPayload[] = [];
  let model = Buffer.alloc(0);
  for (const part of parts) {
    if (typeof part === 'string') {
      model = Buffer.concat([model, Buffer.from(part)]);
      continue;
    }
    const values = Buffer.alloc(4 * part.length);
    part.forEach((bits, i) => {
      values.writeUInt32LE(bits, 4 * i);
    });
    payloads.push({ offset: model.length, count: part.length });
    model = Buffer.concat([model, values]);
  }
  return { model, payloads };
}

function roundTrip(...parts: (string | number[])[]): void {
  const { model, payloads } = modelOf(...parts);
  expect(Buffer.compare(unpackModel(packModel(model, payloads)), model)).toBe(0);
}

/** With the checksum made right again after a change, so that the checks behind it are reached. */
function withChecksum(packed: Uint8Array): Buffer {
  const changed = Buffer.from(packed);
  changed.writeUInt32LE(crc32(changed.subarray(8)), 4);
  return changed;
}

function expectBadFile(packed: Uint8Array): void {
  expect(() => unpackModel(packed)).toThrow(InputError);
  expect(() => unpackModel(packed)).toThrow(expect.objectContaining({ code: 'BAD_FILE' }));
}

const ONE = 0x3f800000;
const MINUS_TWO = 0xc0000000;
const MINUS_ZERO = 0x80000000;
const THIRD = 0x3eaaaaab;
/** 300 values: a few ones among zeros of both signs. */
const PRUNED = Array.from({ length: 300 }, (_, i) => (i % 11 === 0 ? ONE : i % 3 === 0 ? MINUS_ZERO : 0));

describe('round trip', () => {
  test('values of every kind that float16 holds', () => {
    const smallestSubnormal = 0x33800000;
    const largest = 0x477fe000;
    const infinity = 0x7f800000;
    const values = [ONE, MINUS_TWO, MINUS_ZERO, 0, smallestSubnormal, largest, infinity];
    roundTrip('head', values, 'tail');
    const { model, payloads } = modelOf(Array.from({ length: 5000 }, (_, i) => values[i % values.length]!));
    expect(packModel(model, payloads).length).toBeLessThan(200);
  });

  test('sparse tensors with zeros of both signs, of lengths around a multiple of 8', () => {
    for (const length of [1, 7, 8, 9, 300]) roundTrip('a', PRUNED.slice(0, length), 'bc');
  });

  test('tensors without a value other than zero, and empty ones', () => {
    roundTrip([0, 0, MINUS_ZERO], [], 'x', []);
  });

  test('values that float16 does not hold remain as they are', () => {
    const tooLarge = 0x47800000;
    const floatSubnormal = 1;
    const halfOfTheSmallestSubnormal = 0x33000000;
    const nans = [0x7fc00000, 0x7fc00001, 0xffc02000];
    for (const bits of [THIRD, tooLarge, floatSubnormal, halfOfTheSmallestSubnormal, ...nans]) {
      roundTrip('a', [ONE, bits], [ONE, ONE]);
    }
  });

  test('tensors longer than a decoding block', () => {
    const dense = Array.from({ length: 70_000 }, (_, i) => ONE + ((i % 1024) << 13));
    const sparse = Array.from({ length: 140_001 }, (_, i) => (i % 7 === 0 ? dense[i % 70_000]! : 0));
    roundTrip('a', dense, 'b', sparse, 'c');
  });

  test('files without tensors, and the empty file', () => {
    roundTrip('only text');
    roundTrip();
  });

  test('payloads in any order', () => {
    const { model, payloads } = modelOf('a', [ONE], 'b', PRUNED);
    expect(unpackModel(packModel(model, payloads.reverse()))).toEqual(model);
  });
});

test('packing makes exact values smaller', () => {
  const { model, payloads } = modelOf(
    Array.from({ length: 5000 }, (_, i) => (i % 10 === 0 ? ONE : MINUS_ZERO)),
  );
  expect(packModel(model, payloads).length).toBeLessThan(200);
});

test('payloads that overlap or end after the file are refused', () => {
  const model = Buffer.alloc(16);
  const first = { offset: 0, count: 2 };
  expect(() => packModel(model, [first, { offset: 4, count: 1 }])).toThrow(RangeError);
  expect(() => packModel(model, [first, { offset: 8, count: 3 }])).toThrow(RangeError);
});

describe('damaged input', () => {
  const { model, payloads } = modelOf('head', PRUNED, 'middle', [ONE, MINUS_TWO], 'tail');
  const packed = packModel(model, payloads);
  const [sizeAt, tensorsAt, firstTensorAt] = [8, 12, 16];
  const header = (at: number, value: number): Buffer => {
    const changed = Buffer.from(packed);
    changed.writeUInt32LE(value, at);
    return withChecksum(changed);
  };

  test('truncation at every byte', () => {
    for (let length = 0; length < packed.length; length++) {
      expectBadFile(packed.subarray(0, length));
      if (length >= 16) expectBadFile(withChecksum(packed.subarray(0, length)));
    }
  });

  test('any flipped bit', () => {
    for (let at = 0; at < packed.length; at++) {
      const changed = Buffer.from(packed);
      changed[at]! ^= 1 << (at % 8);
      expectBadFile(changed);
    }
  });

  test.each([
    ['size smaller than the tensors', header(sizeAt, 100)],
    ['size larger than the streams', header(sizeAt, model.length + 1)],
    ['size above the limit', header(sizeAt, 0xffffffff)],
    ['number of tensors', header(tensorsAt, 0xffffffff)],
    ['offset of a tensor', header(firstTensorAt, 0xfffffff0)],
    ['overlapping tensors', header(firstTensorAt + 4, 301)],
    ['count larger than the plane', header(firstTensorAt + 4, 0x1fffffff)],
    ['unknown encoding', header(firstTensorAt + 8, 9)],
    ['bytes at the end', withChecksum(Buffer.concat([packed, Buffer.alloc(1)]))],
  ])('header: %s', (_, damaged) => {
    expectBadFile(damaged);
  });

  test('a bitmap with bits after the last value', () => {
    const stream = (...bytes: number[]) => {
      const compressed = brotliCompressSync(Buffer.from(bytes));
      return Buffer.concat([Buffer.from(Uint32Array.of(compressed.length).buffer), compressed]);
    };
    const start = Buffer.alloc(28);
    start.write('SPZ1', 'latin1');
    [12, 1, 0, 3, 2].forEach((value, i) => {
      start.writeUInt32LE(value, sizeAt + 4 * i);
    });
    const file = (bitmap: number) =>
      withChecksum(Buffer.concat([start, stream(), stream(bitmap), stream(0), stream(60), stream(0)]));
    expect(unpackModel(file(0b100))).toEqual(modelOf([0, 0, ONE]).model);
    expectBadFile(file(0b1000));
  });
});
