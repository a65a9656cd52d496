import { expect, test } from 'vitest';
import { descend, type Evaluation } from '../../src/reconstruction/quasi-newton.js';

const asItIs = async (vector: Float64Array): Promise<Float64Array> => vector;

/** Rosenbrock's valley: lowest, 0, at (1, 1). */
async function rosenbrock([x = 0, y = 0]: Float64Array): Promise<Evaluation> {
  const [a, b] = [1 - x, y - x ** 2];
  return { value: a ** 2 + 100 * b ** 2, gradient: Float64Array.of(-2 * a - 400 * x * b, 200 * b) };
}

/** `Σ h_i (x_i − 1)²`. */
function quadratic(curvatures: readonly number[]): (point: Float64Array) => Promise<Evaluation> {
  return async (point) => ({
    value: curvatures.reduce((sum, h, i) => sum + h * (point[i]! - 1) ** 2, 0),
    gradient: Float64Array.from(curvatures, (h, i) => 2 * h * (point[i]! - 1)),
  });
}

test('goes down a curved valley to its end, and never up', async () => {
  const values: number[] = [];
  let last = Float64Array.of(-1.2, 1);
  await descend(last, rosenbrock, {
    steps: 200,
    precondition: asItIs,
    async onStep(point) {
      last = Float64Array.from(point);
      values.push((await rosenbrock(point)).value);
      return true;
    },
  });
  expect([...last]).toEqual([expect.closeTo(1, 6), expect.closeTo(1, 6)]);
  expect(values).toEqual(values.toSorted((a, b) => b - a));
});

test('one step is enough where P is the inverse of the Hessian', async () => {
  const curvatures = [1, 1e4, 1e-4];
  const points: number[][] = [];
  await descend(Float64Array.of(5, -3, 40), quadratic(curvatures), {
    steps: 1,
    precondition: async (vector) => vector.map((value, i) => value / (2 * curvatures[i]!)),
    onStep: async (point) => points.push([...point]) > 0,
  });
  expect(points).toEqual([curvatures.map(() => expect.closeTo(1, 9))]);
});

test.each([1, 3])('ends when it is told to, after %i steps', async (wanted) => {
  let steps = 0;
  await descend(Float64Array.of(-1.2, 1), rosenbrock, {
    steps: 50,
    precondition: asItIs,
    onStep: async () => ++steps < wanted,
  });
  expect(steps).toBe(wanted);
});

test('at the lowest point no step is made', async () => {
  let steps = 0;
  const options = { steps: 5, precondition: asItIs, onStep: async () => ++steps > 0 };
  await descend(Float64Array.of(1, 1), rosenbrock, options);
  expect(steps).toBe(0);
});
