/** A chain with labelled data on which it is right by its own measure, for trials, targets and sweeps. */
import type { LabelledData } from '../src/evaluation/index.js';
import { ChainModel, fc, type Operation, runOn } from './memory-format.js';
import { randomValues } from './naive.js';

export const INPUTS = 12;
export const CLASSES = 4;

const operations: readonly Operation[] = [
  fc('fc1', 24, INPUTS, 1),
  { type: 'relu', name: 'relu1' },
  fc('fc2', 20, 24, 2),
  { type: 'relu', name: 'relu2' },
  fc('fc3', CLASSES, 20, 3),
];

/** fc1 (24 × 12) → ReLU → fc2 (20 × 24) → ReLU → fc3 (4 × 20). */
export const chain: ChainModel = new ChainModel(operations, INPUTS);

/** Samples with the class that the chain itself gives them. */
export async function labelledData(samples: number): Promise<LabelledData> {
  const values = randomValues(samples * INPUTS, 7);
  const scores = await rows(values, samples);
  const labels = Int32Array.from({ length: samples }, (_, i) => {
    const own = scores.subarray(i * CLASSES, (i + 1) * CLASSES);
    return own.indexOf(Math.max(...own));
  });
  return {
    name: 'own',
    samples,
    async batch(positions) {
      const data = new Float32Array(positions.length * INPUTS);
      for (const [i, position] of positions.entries())
        data.set(values.subarray(position * INPUTS, (position + 1) * INPUTS), i * INPUTS);
      return {
        inputs: { x: { shape: [positions.length, INPUTS], data } },
        labels: Int32Array.from(positions, (position) => labels[position]!),
      };
    },
  };
}

async function rows(values: Float32Array, samples: number): Promise<Float32Array> {
  const session = await chain.session();
  const { [chain.outputs[0]!.name]: scores } = await session.run({
    x: { shape: [samples, INPUTS], data: values },
  });
  return Float32Array.from(scores!.data);
}

/** What a chain gives for fixed inputs. */
export function outputsOf(model: Parameters<typeof runOn>[0]): Promise<Float32Array> {
  return runOn(model, randomValues(2 * INPUTS, 5));
}
