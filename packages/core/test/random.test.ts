import { describe, expect, test } from 'vitest';
import { Random } from '../src/index.js';

describe('golden values: results of a seed never change', () => {
  test.each([
    [0, [2899526011, 769844623, 220372281]],
    [1, [2420951833, 2513034076, 3847892949]],
    [-1, [2300869303, 3917632794, 3726809994]],
  ])('uint32 of seed %s', (seed, expected) => {
    const random = new Random(seed);
    expect(expected.map(() => random.uint32())).toEqual(expected);
  });

  test('only the low 32 bits of a seed count', () => {
    expect(new Random(2 ** 32 + 5).uint32()).toBe(new Random(5).uint32());
    expect(new Random(2 ** 31).uint32()).toBe(new Random(-(2 ** 31)).uint32());
  });

  test('uniform, integer and normal numbers of seed 42', () => {
    const random = new Random(42);
    expect(random.uniform()).toBe(0.4562558052254867);
    expect(random.integer(1000)).toBe(574);
    expect(random.normal()).toBeCloseTo(-1.6031369865612648, 12);
  });
});

test('shuffles and samples of seed 7', () => {
  const items = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  expect(new Random(7).shuffle(items)).toBe(items);
  expect(items.join('')).toBe('bgheafcd');
  expect([...new Random(7).sample(20, 6)]).toEqual([9, 8, 18, 6, 3, 4]);
});

/** An independent sfc32, in unsigned 64-bit arithmetic, seeded by the same three numbers. */
test('it is sfc32 behind splitmix32', () => {
  const low = (value: bigint): bigint => BigInt.asUintN(32, value);
  let state = 7n;
  const splitmix = (): bigint => {
    state = low(state + 0x9e3779b9n);
    let z = low((state ^ (state >> 16n)) * 0x21f0aaadn);
    z = low((z ^ (z >> 15n)) * 0x735a2d97n);
    return z ^ (z >> 15n);
  };
  let [a, b, c, counter] = [splitmix(), splitmix(), splitmix(), 1n];
  const sfc = (): bigint => {
    const result = low(a + b + counter);
    counter = low(counter + 1n);
    a = b ^ (b >> 9n);
    b = low(c + low(c << 3n));
    c = low(low((c << 21n) | (c >> 11n)) + result);
    return result;
  };
  for (let i = 0; i < 12; i++) sfc();
  const random = new Random(7);
  for (let i = 0; i < 1000; i++) expect(random.uint32()).toBe(Number(sfc()));
});

const DRAWS = 100_000;
/** Standard deviations of a mean over all draws. */
const SIGMAS = 4;

test('uniform numbers fill [0, 1) evenly', () => {
  const random = new Random(1);
  const bins = new Float64Array(10);
  for (let i = 0; i < DRAWS; i++) {
    const value = random.uniform();
    // A value outside [0, 1) makes a bin NaN, or is missing from the sum.
    const bin = Math.floor(10 * value);
    bins[bin] = bins[bin]! + 1;
  }
  expect(bins.reduce((a, b) => a + b)).toBe(DRAWS);
  const deviation = Math.sqrt(DRAWS * 0.1 * 0.9);
  for (const count of bins) expect(Math.abs(count - DRAWS / 10)).toBeLessThan(SIGMAS * deviation);
});

test('integers stay below their bound and reach all below it', () => {
  const random = new Random(2);
  const seen = new Set(Array.from({ length: 200 }, () => random.integer(5)));
  expect([...seen].toSorted()).toEqual([0, 1, 2, 3, 4]);
  expect(random.integer(1)).toBe(0);
});

test('normal numbers have mean 0, variance 1 and no excess', () => {
  const random = new Random(3);
  const values = Array.from({ length: DRAWS }, () => random.normal());
  const moment = (power: number): number => values.reduce((sum, v) => sum + v ** power, 0) / DRAWS;
  expect(Math.abs(moment(1))).toBeLessThan(SIGMAS / Math.sqrt(DRAWS));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(SIGMAS * Math.sqrt(2 / DRAWS));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(SIGMAS * Math.sqrt(96 / DRAWS));
});

test('shuffles put every item everywhere', () => {
  const random = new Random(4);
  const counts = new Float64Array(9);
  for (let draw = 0; draw < 9000; draw++)
    random.shuffle(Int32Array.of(0, 1, 2)).forEach((item, place) => {
      counts[3 * place + item]! += 1;
    });
  const deviation = Math.sqrt((9000 * 2) / 9);
  for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(SIGMAS * deviation);
});

test('samples have no number twice, and end with all', () => {
  for (const count of [0, 1, 5, 6, 7]) {
    const sample = new Random(5).sample(6, count);
    expect(sample).toHaveLength(Math.min(count, 6));
    expect(new Set(sample).size).toBe(sample.length);
    for (const number of sample) expect([0, 1, 2, 3, 4, 5]).toContain(number);
  }
});

test('neighbouring seeds have nothing in common', () => {
  const first = Array.from({ length: 1000 }, (_, seed) => new Random(seed).uint32());
  expect(new Set(first).size).toBe(1000);
  const bits = first.reduce((sum, value) => sum + value.toString(2).replaceAll('0', '').length, 0);
  expect(Math.abs(bits - 16_000)).toBeLessThan(SIGMAS * Math.sqrt(32_000 / 4));
});
