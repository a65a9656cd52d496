/** How far single samples are from the statistics that batch normalisations hold, and samples that together come near to them. */
import type { Pause } from '../cancellation.js';
import type { StoredStatistics } from '../format/feature-flow.js';
import type { Tensor } from '../format/model-format.js';
import { Random } from '../random.js';

/** Numbers that the differences of a sample are added up in. */
const SIZE = 512;
/** Places at which a feature is read, at most. */
const MOST_PLACES = 64;
/** Features that hardly vary in training are not measured more exactly than this share of their layer's mean variance. */
const LEAST_VARIANCE = 1e-3;

/**
 * For every sample `(m − μ)/σ` and `(v/σ² − 1)/2` of all features of all normalisations, each normalisation weighing as much as another, with m
 * the mean of a feature over its places and v its mean squared distance from μ. Their averages over samples that match what is stored are zero.
 *
 * They are added up in 512 numbers, at places and with signs drawn by the number of the normalisation, which keeps distances about as they are
 * (feature hashing: Weinberger et al., 2009, doi:10.1145/1553374.1553516). Of large images up to 64 places are read, evenly apart.
 *
 * @param tensors those of the statistics by name, each with the samples along its first axis
 * @returns one row of 512 numbers per sample
 */
export function storedMoments(
  statistics: readonly StoredStatistics[],
  tensors: Readonly<Record<string, Tensor>>,
  samples: number,
): Float32Array[] {
  const rows = Array.from({ length: samples }, () => new Float32Array(SIZE));
  for (const [i, stored] of statistics.entries())
    addDifferences(rows, stored, tensors[stored.tensor]!, new Random(i));
  return rows;
}

function addDifferences(
  rows: readonly Float32Array[],
  { axis, mean, variance }: StoredStatistics,
  { shape, data }: Tensor,
  random: Random,
): void {
  const features = mean.length;
  const inner = shape.slice(shape.length + axis + 1).reduce((product, length) => product * length, 1);
  const places = data.length / (rows.length * features);
  // Odd, so that all columns of an image have their turn.
  const step = places > MOST_PLACES ? Math.ceil(places / MOST_PLACES) | 1 : 1;
  const count = Math.ceil(places / step);
  const least = LEAST_VARIANCE * (variance.reduce((sum, value) => sum + value, 0) / features) || 1;
  const weight = 1 / Math.sqrt(features);
  for (let f = 0; f < features; f++) {
    const spread = Math.max(variance[f]!, least);
    const [first, second] = [random.integer(2 * SIZE), random.integer(2 * SIZE)];
    for (const [s, row] of rows.entries()) {
      let sum = 0;
      let squares = 0;
      for (let p = 0; p < places; p += step) {
        const outer = s * places + p - (p % inner);
        const difference = data[outer * features + f * inner + (p % inner)]! - mean[f]!;
        sum += difference;
        squares += difference * difference;
      }
      add(row, first, (weight * sum) / count / Math.sqrt(spread));
      add(row, second, (weight * (squares / count / spread - 1)) / 2);
    }
  }
}

/** @param drawn below `2·SIZE`: the place, and the sign */
function add(row: Float32Array, drawn: number, value: number): void {
  const place = drawn >> 1;
  row[place] = row[place]! + (drawn & 1 ? value : -value);
}

/**
 * Rows that average out: one after the other, each the one that brings the sum of all that are chosen nearest to zero (herding: Welling, 2009,
 * doi:10.1145/1553374.1553517).
 *
 * Cost: `count · rows` inner products.
 *
 * @param rows all of one length
 * @returns the positions of `count` rows, in ascending order; of all where there are no more
 */
export async function averagingOut(
  rows: readonly Float32Array[],
  count: number,
  pause: Pause,
): Promise<number[]> {
  // What the squared norm of the sum grows by: at first a row's own, then twice its product with every row that is chosen as well.
  const growth = Float64Array.from(rows, (row) => product(row, row));
  const left = new Set(rows.keys());
  const chosen: number[] = [];
  while (chosen.length < count && left.size > 0) {
    await pause.point();
    let best: number | undefined;
    for (const i of left) if (best === undefined || growth[i]! < growth[best]!) best = i;
    left.delete(best!);
    chosen.push(best!);
    for (const i of left) growth[i] = growth[i]! + 2 * product(rows[i]!, rows[best!]!);
  }
  return chosen.sort((a, b) => a - b);
}

/** Four sums at a time: additions need not wait for each other. */
function product(a: Float32Array, b: Float32Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = a.length - (a.length % 4);
  for (let i = 0; i < whole; i += 4) {
    first += a[i]! * b[i]!;
    second += a[i + 1]! * b[i + 1]!;
    third += a[i + 2]! * b[i + 2]!;
    fourth += a[i + 3]! * b[i + 3]!;
  }
  for (let i = whole; i < a.length; i++) first += a[i]! * b[i]!;
  return first + second + third + fourth;
}
