/** Compresses and runs models in tests. */
import {
  type CompressedLayer,
  denseMatrix,
  type Model,
  planRewrite,
  Random,
  type Tensor,
} from '@spherize/core';
import { expect } from 'vitest';
import { loadable } from '../src/index.js';

/** float32 sums in another order, through a few layers, relative to the largest of an output. */
const ROUNDING = 1e-4;
/** Of a free axis that is not the first. */
const FREE_SIZE = 12;

/** Columns dealt out to clusters of sizes that differ, each with a scale of its own; the first column of a cluster is its centroid. */
export function dealtOut(model: Model, layer: string, ratio: number, seed = 1): CompressedLayer {
  const { rows, cols, data } = model.weights(layer);
  const k = Math.max(1, Math.round(cols * (1 - ratio)));
  const random = new Random(seed);
  const assignment = Int32Array.from({ length: cols }, (_, j) => (j < k ? j : random.integer(k)));
  const centroids = denseMatrix(rows, k);
  for (let i = 0; i < rows; i++) for (let c = 0; c < k; c++) centroids.data[i * k + c] = data[i * cols + c]!;
  return { assignment, scales: Float32Array.from(assignment, () => 0.5 + random.uniform()), centroids };
}

/** The model with all its layers compressed. */
export function compressed(model: Model, ratio: number): Model {
  const layers = new Map(model.layers.map(({ name }) => [name, dealtOut(model, name, ratio)]));
  return model.rewrite(planRewrite(model, layers).rewrite);
}

/** The same with nothing folded. */
export function explicit(model: Model, ratio: number): Model {
  const layers = new Map(model.layers.map(({ name }) => [name, dealtOut(model, name, ratio)]));
  return model.rewrite(planRewrite(model, layers, { folding: 'explicit' }).rewrite);
}

/** What a model makes of two samples of standard normal numbers; further free axes of its inputs get a size of their own. */
export async function outputsOf(model: Model): Promise<Record<string, Tensor>> {
  const random = new Random(7);
  const session = await model.session();
  try {
    const inputs = model.inputs.map(({ name, shape }): [string, Tensor] => {
      const sizes = shape.map((size, axis) => size ?? (axis === 0 ? 2 : FREE_SIZE));
      const values = sizes.reduce((product, size) => product * size, 1);
      return [name, { shape: sizes, data: Float32Array.from({ length: values }, () => random.normal()) }];
    });
    return await session.run(Object.fromEntries(inputs));
  } finally {
    await session.release();
  }
}

/** Outputs of the same names, shapes and numbers, but for rounding. */
export function expectClose(actual: Record<string, Tensor>, expected: Record<string, Tensor>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { shape, data }] of Object.entries(expected)) {
    const found = actual[name]!;
    expect(found.shape).toEqual(shape);
    const largest = Math.max(1, ...Array.from(data, Math.abs));
    const worst = Math.max(0, ...Array.from(data, (value, i) => Math.abs(value - found.data[i]!)));
    expect(worst).toBeLessThan(ROUNDING * largest);
  }
}

/** The classes of a model's layers, or the operations of its nodes, in their order. */
export function partsOf(model: Model): string[] {
  const topology = loadable(model).modelTopology as {
    node?: { op: string }[];
    config?: { layers: { class_name: string }[] };
  };
  return topology.node?.map(({ op }) => op) ?? topology.config!.layers.map(({ class_name }) => class_name);
}
