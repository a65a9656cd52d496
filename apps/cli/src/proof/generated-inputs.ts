import { Random, type Tensor, type TensorInfo } from '@spherize/core';
import { requireMemory } from '../files/available-memory.js';

/**
 * Seeded values for all inputs of a model: uniform in [0, 1), whole numbers 0 or 1 where the input takes those.
 *
 * @param batch length of a free first axis; other free axes get length 1
 * @param isNormal by the number of a sample: whether its values are normally distributed instead (mean 0, deviation 1)
 */
export function generateInputs(
  inputs: readonly TensorInfo[],
  batch: number,
  seed: number,
  isNormal: (sample: number) => boolean = () => false,
): Record<string, Tensor> {
  requireInputMemory(inputs, batch);
  const random = new Random(seed);
  return Object.fromEntries(
    inputs.map(({ name, shape, integral }) => {
      const sizes = sizesOf(shape, batch);
      const values = sizes.reduce((product, size) => product * size, 1);
      const perSample = values / Math.max(1, sizes[0] ?? 1);
      const data = Float32Array.from({ length: values }, (_, i) => {
        if (integral) return random.integer(2);
        return isNormal(Math.floor(i / perSample)) ? random.normal() : random.uniform();
      });
      return [name, { shape: sizes, data }];
    }),
  );
}

/** The number of samples per run that a model's inputs fix, or undefined. */
export function fixedBatch(inputs: readonly TensorInfo[]): number | undefined {
  return inputs.map(({ shape }) => shape[0]).find((size) => size !== undefined);
}

/** @throws InputError `UNSUPPORTED` when the inputs of a run do not fit in memory */
export function requireInputMemory(inputs: readonly TensorInfo[], batch: number): void {
  for (const { name, shape } of inputs) {
    const sizes = sizesOf(shape, batch);
    const bytes = sizes.reduce((product, size) => product * size, 4);
    requireMemory(`input '${name}' of shape [${sizes.join(', ')}]`, bytes, 'use a smaller batch or model');
  }
}

function sizesOf(shape: TensorInfo['shape'], batch: number): number[] {
  return shape.map((size, axis) => size ?? (axis === 0 ? batch : 1));
}
