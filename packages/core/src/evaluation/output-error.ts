/** How far a model's outputs are from the original's: `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²`. */
import type { Tensor } from '../format/model-format.js';

/** `Σ‖y − ŷ‖²`; infinite for other shapes. */
export function squaredError(expected: Tensor, actual: Tensor | undefined): number {
  if (actual === undefined || actual.data.length !== expected.data.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let p = 0; p < expected.data.length; p++) sum += (expected.data[p]! - actual.data[p]!) ** 2;
  return sum;
}

/** `Σ‖y − ȳ‖²`, with a mean for every value of a sample. */
export function spreadOf(tensors: readonly Tensor[]): number {
  const size = (tensors[0]?.data.length ?? 0) / (tensors[0]?.shape[0] ?? 1);
  const sums = new Float64Array(size);
  let squares = 0;
  let rows = 0;
  for (const { shape, data } of tensors) {
    rows += shape[0]!;
    for (let p = 0; p < data.length; p++) {
      sums[p % size] = sums[p % size]! + data[p]!;
      squares += data[p]! ** 2;
    }
  }
  return squares - sums.reduce((total, sum) => total + (sum * sum) / rows, 0);
}

/** The mean over outputs of their relative errors; those that never change count as kept. Finite, since JSON has no infinity. */
export function meanError(errors: ReadonlyMap<string, number>, spreads: ReadonlyMap<string, number>): number {
  let mean = 0;
  for (const [name, spread] of spreads) mean += spread > 0 ? errors.get(name)! / spread / spreads.size : 0;
  return Number.isFinite(mean) ? mean : Number.MAX_VALUE;
}
