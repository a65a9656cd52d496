/** Counts the multiplications of weights with what a graph model computes, per sample. */
import type { Model, ModelSession, Tensor } from '@spherize/core';
import { sizeOf } from '../artifacts/weights.js';
import type { GraphIndex } from './nodes/graph-index.js';
import type { NodeDef } from './nodes/node-def.js';
import { operationOf } from './operations/operation-table.js';

/** A product of weights: `factor` multiplications per value of what the node makes, or a transposed convolution reads. */
interface WeightProduct {
  readonly tensor: string;
  readonly factor: number;
}

/** Operations of which no more than the name is known, and that multiply by weights. */
const UNCOUNTED = /LSTM|GRU|Call$/;

/** The most values of an input that are made up: 1 GiB. */
const LARGEST_INPUT = 2 ** 28;

/** Undefined when the model multiplies in other ways, leaves more open than its batch, or does not run on zeros. */
export async function multiplyAccumulates(
  index: GraphIndex,
  inputs: Model['inputs'],
  start: (outputs: readonly string[]) => Promise<ModelSession>,
): Promise<number | undefined> {
  const uncounted = ({ op }: NodeDef) => operationOf(op)?.products === 'uncounted' || UNCOUNTED.test(op);
  if (index.nodes.some(uncounted)) return undefined;
  const products = index.nodes.flatMap((node): WeightProduct[] => weightProduct(index, node));
  if (products.length === 0) return 0;
  const feeds: Record<string, Tensor> = {};
  for (const { name, shape } of inputs) {
    const sizes = shape.map((size, axis) => (axis === 0 ? (size ?? 1) : size));
    if (sizes.includes(undefined) || sizeOf(sizes as number[]) > LARGEST_INPUT) return undefined;
    feeds[name] = { shape: sizes as number[], data: new Float32Array(sizeOf(sizes as number[])) };
  }
  const batch = inputs[0]?.shape[0] ?? 1;
  if (batch === 0) return undefined;
  try {
    const session = await start(products.map(({ tensor }) => tensor));
    try {
      const made = await session.run(feeds);
      return (
        products.reduce((sum, { tensor, factor }) => sum + factor * sizeOf(made[tensor]!.shape), 0) / batch
      );
    } finally {
      await session.release();
    }
  } catch {
    // Not every model runs on zeros: then the figure is unknown.
    return undefined;
  }
}

function weightProduct(index: GraphIndex, node: NodeDef): WeightProduct[] {
  const shape = index.constant(node.input[1])?.weight.spec.shape;
  if (shape === undefined) return [];
  const { products, filters } = operationOf(node.op) ?? {};
  const tensor = filters?.back ? node.input[filters.input]! : node.name;
  return typeof products === 'function' ? [{ tensor, factor: products(shape, node) }] : [];
}
