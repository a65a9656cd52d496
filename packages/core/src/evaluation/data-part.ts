import { allocateValues } from '../format/element-type.js';
import type { LabelledData } from './labelled-data.js';

/** Some samples of labelled data, by position and in this order. */
export function dataPart(data: LabelledData, positions: readonly number[]): LabelledData {
  const size = data.shape.reduce((product, length) => product * length, 1);
  return {
    name: data.name,
    samples: positions.length,
    shape: data.shape,
    type: data.type,
    scores: data.scores,
    async batch(start, count) {
      const inputs = allocateValues(data.type, count * size);
      const labels = new Int32Array(count);
      for (let i = 0; i < count; i++) {
        const sample = await data.batch(positions[start + i]!, 1);
        inputs.set(sample.inputs, i * size);
        labels[i] = sample.labels[0]!;
      }
      return { inputs, labels };
    },
  };
}

/** Every n-th sample from the first on, and the others. */
export function splitEvery(data: LabelledData, n: number): { every: LabelledData; others: LabelledData } {
  const all = Array.from({ length: data.samples }, (_, i) => i);
  return {
    every: dataPart(
      data,
      all.filter((i) => i % n === 0),
    ),
    others: dataPart(
      data,
      all.filter((i) => i % n !== 0),
    ),
  };
}
