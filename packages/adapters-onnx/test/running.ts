/** Runs models in tests and compares what comes out. */
import type { Model, Tensor } from '@spherize/core';
import { expect } from 'vitest';

/** Sums of a few dozen float32 products in another order differ by this much of the largest value. */
export const ROUNDING = 2e-5;

export async function run(model: Model, inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await model.session();
  try {
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

export function expectClose(
  actual: Tensor | undefined,
  expected: Tensor | undefined,
  tolerance: number = ROUNDING,
): void {
  expect(actual?.shape).toEqual(expected?.shape);
  const scale = [...(expected?.data ?? [])].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  let worst = 0;
  expected?.data.forEach((value, i) => {
    const difference = Math.abs(value - actual!.data[i]!);
    worst = difference > worst || Number.isNaN(difference) ? difference : worst;
  });
  expect(worst / scale).toBeLessThanOrEqual(tolerance);
}
