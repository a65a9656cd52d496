import { describe, expect, it } from 'vitest';
import { kmeans } from '../../src/clustering/kmeans.js';
import { rankOne } from '../../src/clustering/rank-one.js';
import { spherical } from '../../src/clustering/spherical.js';
import { chooseByContributions, contributionGram } from '../../src/neurons/contributions.js';
import { Random } from '../../src/random.js';

/** Sums of a few hundred products in float64. */
const ROUNDING = 1e-9;

/** `AᵀA` of shape `[n, n]`, A of shape `[rows, n]`. */
function products(values: ArrayLike<number>, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let row = 0; row < values.length / n; row++)
    for (let a = 0; a < n; a++)
      for (let b = 0; b < n; b++)
        result[a * n + b] = result[a * n + b]! + values[row * n + a]! * values[row * n + b]!;
  return result;
}

function normals(count: number, seed: number): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: count }, () => random.normal());
}

const alone = (n: number): number[][] => Array.from({ length: n }, (_, j) => [j]);
const oneBlock = (n: number): Int32Array[] => [Int32Array.from({ length: n }, (_, j) => j)];

describe('contributionGram', () => {
  it('has the mean distances of what features add to the outputs', () => {
    const [rows, features, span, outputs] = [40, 4, 3, 5];
    const n = features * span;
    const [x, w] = [normals(rows * n, 1), normals(outputs * n, 2)];
    const moments = products(x, n).map((value) => value / rows);
    const places = Array.from({ length: features }, (_, f) =>
      Array.from({ length: span }, (_, s) => s * features + f),
    );
    const gram = contributionGram(products(w, n), moments, n, places, 1);
    const added = (row: number, feature: number, output: number): number =>
      places[feature]!.reduce((sum, c) => sum + w[output * n + c]! * x[row * n + c]!, 0);
    for (let i = 0; i < features; i++) {
      for (let j = 0; j < features; j++) {
        let mean = 0;
        for (let row = 0; row < rows; row++)
          for (let o = 0; o < outputs; o++) mean += (added(row, i, o) - added(row, j, o)) ** 2 / rows;
        const distance = gram[i * features + i]! - 2 * gram[i * features + j]! + gram[j * features + j]!;
        expect(Math.abs(distance - mean)).toBeLessThan(ROUNDING);
      }
    }
  });

  it('is the columns own Gram matrix where all inputs are one, and its diagonal where they have nothing in common', () => {
    const n = 6;
    const own = products(normals(4 * n, 3), n);
    const ones = new Float64Array(n * n).fill(1);
    const identity = Float64Array.from(ones, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
    expect(contributionGram(own, ones, n, alone(n), 1)).toEqual(own);
    expect(contributionGram(own, identity, n, alone(n), 1)).toEqual(
      own.map((value, at) => (at % (n + 1) === 0 ? value : 0)),
    );
  });
});

describe('chooseByContributions', () => {
  it.each([kmeans, spherical, rankOne])(
    '$name keeps one of each two that add the same',
    async (clusterer) => {
      // Feature j + 4 varies half as much as feature j and is read with twice its weights.
      const [half, outputs] = [4, 6];
      const n = 2 * half;
      const w = normals(outputs * half, 5);
      const weights = Float64Array.from({ length: outputs * n }, (_, at) => {
        const [o, j] = [Math.floor(at / n), at % n];
        return w[o * half + (j % half)]! * (j < half ? 1 : 2);
      });
      const x = normals(50 * half, 6);
      const inputs = Float64Array.from({ length: 50 * n }, (_, at) => {
        const [row, j] = [Math.floor(at / n), at % n];
        return x[row * half + (j % half)]! / (j < half ? 1 : 2);
      });
      const gram = contributionGram(products(weights, n), products(inputs, n), n, alone(n), 50);
      const kept = await chooseByContributions(gram, oneBlock(n), half, clusterer, { seed: 0 });
      expect([...kept].map((place) => place % half).sort()).toEqual([0, 1, 2, 3]);
    },
  );

  it('lets an input that never varies go first, however large its weights', async () => {
    const n = 6;
    const weights = normals(5 * n, 7).map((value, at) => (at % n === 2 ? 1000 * value : value));
    const inputs = normals(30 * n, 8).map((value, at) => (at % n === 2 ? 0 : value));
    const gram = contributionGram(products(weights, n), products(inputs, n), n, alone(n), 30);
    const kept = await chooseByContributions(gram, oneBlock(n), 5, kmeans, { seed: 0 });
    expect([...kept]).toEqual([0, 1, 3, 4, 5]);
  });

  it('keeps as many of every block, of those that contribute nothing too', async () => {
    const n = 8;
    const inputs = normals(30 * n, 9).map((value, at) => (at % n > 4 ? 0 : value));
    const gram = contributionGram(products(normals(5 * n, 10), n), products(inputs, n), n, alone(n), 30);
    const blocks = [Int32Array.of(0, 1, 2, 3), Int32Array.of(4, 5, 6, 7)];
    const kept = await chooseByContributions(gram, blocks, 2, rankOne, { seed: 0 });
    expect(kept.length).toBe(4);
    expect([...kept].filter((place) => place < 4).length).toBe(2);
    expect(kept).toContain(4);
  });
});
