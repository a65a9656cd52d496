import { describe, expect, it } from 'vitest';
import { invertPositiveDefinite } from '../../src/calibration/cholesky.js';
import { portableEngine } from '../../src/matrix/portable-engine.js';
import { chooseByError } from '../../src/neurons/choose-by-error.js';
import { FeatureSweep } from '../../src/neurons/feature-sweep.js';
import { Random } from '../../src/random.js';

/** Sums of a few dozen products in float64. */
const ROUNDING = 1e-8;

interface Problem {
  readonly n: number;
  readonly outputs: number;
  /** Shape `[n, n]`, positive definite. */
  readonly moments: Float64Array;
  /** Shape `[n, outputs]`: the weights with all columns in. */
  readonly weights: Float64Array;
  readonly blocks: readonly (readonly number[])[];
}

function problem(features: number, span: number, outputs: number, seed: number): Problem {
  const random = new Random(seed);
  const n = features * span;
  const rows = 3 * n;
  const z = Float64Array.from({ length: rows * n }, () => random.normal());
  // Columns that go together, so that choices depend on each other.
  for (let i = 0; i < rows; i++)
    for (let j = 1; j < n; j++) z[i * n + j] = z[i * n + j]! + 0.8 * z[i * n + j - 1]!;
  const moments = new Float64Array(n * n);
  for (let a = 0; a < n; a++)
    for (let b = 0; b < n; b++)
      for (let i = 0; i < rows; i++)
        moments[a * n + b] = moments[a * n + b]! + (z[i * n + a]! * z[i * n + b]!) / rows;
  const weights = Float64Array.from({ length: n * outputs }, () => random.normal());
  // The columns of a feature lie apart, as the positions of a filter do.
  const blocks = Array.from({ length: features }, (_, f) =>
    Array.from({ length: span }, (_, s) => s * features + f),
  );
  return { n, outputs, moments, weights, blocks };
}

function started({ n, outputs, moments, weights, blocks }: Problem, forGood = false): FeatureSweep {
  const contributions = new Float64Array(n * n);
  for (let a = 0; a < n; a++)
    for (let b = 0; b < n; b++)
      for (let o = 0; o < outputs; o++)
        contributions[a * n + b] =
          contributions[a * n + b]! + weights[a * outputs + o]! * weights[b * outputs + o]!;
  const inverse = moments.slice();
  if (!invertPositiveDefinite(inverse, n)) throw new Error('singular');
  return new FeatureSweep(inverse, contributions, n, blocks, portableEngine, forGood);
}

/** `min_V E‖(W − V)ᵀ z‖²` over V that is zero for features that are out, by solving it anew. */
function errorWithout({ n, outputs, moments, weights, blocks }: Problem, out: readonly number[]): number {
  const gone = out.flatMap((feature) => blocks[feature]!);
  const stay = Array.from({ length: n }, (_, j) => j).filter((j) => !gone.includes(j));
  const inner = Float64Array.from(stay.flatMap((a) => stay.map((b) => moments[a * n + b]!)));
  if (!invertPositiveDefinite(inner, stay.length)) throw new Error('singular');
  // Schur complement of the columns that are gone.
  let error = 0;
  for (const a of gone) {
    const regressed = stay.map((_, j) =>
      stay.reduce((sum, s, i) => sum + moments[a * n + s]! * inner[i * stay.length + j]!, 0),
    );
    for (const b of gone) {
      let rest = moments[a * n + b]!;
      for (const [j, t] of stay.entries()) rest -= regressed[j]! * moments[t * n + b]!;
      for (let o = 0; o < outputs; o++) error += weights[a * outputs + o]! * rest * weights[b * outputs + o]!;
    }
  }
  return error;
}

function subsets(count: number, size: number): number[][] {
  if (size === 0) return [[]];
  return Array.from({ length: count }, (_, last) => last).flatMap((last) =>
    subsets(last, size - 1).map((rest) => [...rest, last]),
  );
}

describe.each([
  { features: 8, span: 1 },
  { features: 6, span: 4 },
])('features of $span columns', ({ features, span }) => {
  const made = problem(features, span, 5, 7);

  it('knows what a feature costs that leaves, and what it gives back', async () => {
    const sweep = started(made);
    let error = 0;
    for (const [out, feature] of [4, 1, 3].entries()) {
      const change = sweep.change(feature);
      await sweep.sweep(feature);
      error += change;
      expect(error).toBeCloseTo(errorWithout(made, [4, 1, 3].slice(0, out + 1)), 7);
      expect(sweep.change(feature)).toBeCloseTo(-change, 7);
    }
    const back = sweep.change(1);
    await sweep.sweep(1);
    expect(error + back).toBeCloseTo(errorWithout(made, [4, 3]), 7);
  });

  it('knows what an exchange changes before it is made', async () => {
    const sweep = started(made);
    let before = 0;
    for (const feature of [0, 2]) {
      before += sweep.change(feature);
      await sweep.sweep(feature);
    }
    for (const [leaves, returns] of [
      [1, 0],
      [5, 2],
    ] as const) {
      const other = returns === 0 ? 2 : 0;
      const change = sweep.returning(returns)(leaves);
      expect(before + change).toBeCloseTo(errorWithout(made, [other, leaves]), 7);
    }
  });

  it('comes close to the best of all subsets, never behind elimination alone, and says its error', async () => {
    let met = 0;
    for (let seed = 0; seed < 12; seed++) {
      const own = problem(features, span, 3, 100 + seed);
      const keep = Math.ceil(features / 2);
      const blocks = [Int32Array.from({ length: features }, (_, f) => f)];
      const { kept, errors } = await chooseByError([started(own)], blocks, keep);
      const alone = await chooseByError([started(own)], blocks, keep, { exchanges: false });
      const out = Array.from({ length: features }, (_, f) => f).filter((f) => !kept.includes(f));
      const error = errorWithout(own, out);
      expect(errors.at(-1)! / error).toBeCloseTo(1, 6);
      expect(errors.at(-1)!).toBeLessThanOrEqual(alone.errors.at(-1)! * (1 + ROUNDING));
      const best = Math.min(...subsets(features, features - keep).map((set) => errorWithout(own, set)));
      expect(error).toBeGreaterThanOrEqual(best * (1 - ROUNDING));
      if (error <= best * (1 + ROUNDING)) met++;
    }
    expect(met).toBeGreaterThanOrEqual(10);
  });
});

/** Thousands of products behind each other. */
const MANY = 6;

it.each([
  { features: 151, span: 1 },
  { features: 41, span: 4 },
])(
  '$features features of $span columns: what waits and what has been carried out count alike',
  async ({ features, span }) => {
    const made = problem(features, span, 3, 11);
    const sweep = started(made);
    const out = Array.from({ length: features - 6 }, (_, i) => (7 * i) % features);
    let error = 0;
    for (const feature of [...out, out[1]!, out[3]!]) {
      error += sweep.change(feature);
      await sweep.sweep(feature);
    }
    const left = out.filter((_, i) => i !== 1 && i !== 3);
    expect(error).toBeCloseTo(errorWithout(made, left), MANY);
    const stays = out[3]!;
    expect(error + sweep.returning(left[0]!)(stays)).toBeCloseTo(
      errorWithout(made, [...left.slice(1), stays]),
      MANY,
    );
    expect(error + sweep.change(stays)).toBeCloseTo(errorWithout(made, [...left, stays]), MANY);
  },
);

it('adds up the errors of several layers, and keeps as many in every block', async () => {
  const [a, b] = [problem(6, 1, 3, 1), problem(6, 2, 4, 2)];
  const blocks = [Int32Array.of(0, 1, 2), Int32Array.of(3, 4, 5)];
  const { kept, errors } = await chooseByError([started(a), started(b)], blocks, 2);
  expect(kept).toHaveLength(4);
  for (const block of blocks) expect([...kept].filter((feature) => block.includes(feature))).toHaveLength(2);
  const out = [0, 1, 2, 3, 4, 5].filter((feature) => !kept.includes(feature));
  expect(errors.at(-1)!).toBeCloseTo(errorWithout(a, out) + errorWithout(b, out), 7);
  const all = subsets(3, 1).flatMap(([i]) => subsets(3, 1).map(([j]) => [i!, j! + 3]));
  const best = Math.min(...all.map((set) => errorWithout(a, set) + errorWithout(b, set)));
  expect(errors.at(-1)!).toBeCloseTo(best, 7);
});

it.each([
  { features: 151, span: 1 },
  { features: 41, span: 4 },
])('$features features of $span columns leave for good at the same cost', async ({ features, span }) => {
  const made = problem(features, span, 3, 12);
  const [sweep, other] = [started(made, true), started(made)];
  for (let out = 0; out < features - 1; out++) {
    const feature = (7 * out) % features;
    expect(sweep.change(feature) / other.change(feature)).toBeCloseTo(1, MANY);
    await sweep.sweep(feature);
    await other.sweep(feature);
  }
});
