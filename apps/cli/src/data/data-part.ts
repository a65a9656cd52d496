import { Digest } from '../files/digest.js';
import { assertBatchInside, type Dataset } from './dataset.js';

/** Some samples of a data set, by position and in this order, as a data set of their own. */
export function dataPart(data: Dataset, positions: readonly number[]): Dataset {
  const size = data.shape.reduce((product, length) => product * length, 1);
  return {
    name: data.name,
    samples: positions.length,
    shape: data.shape,
    async digest() {
      return new Digest()
        .text(await data.digest())
        .numbers(Float64Array.from(positions))
        .end();
    },
    async batch(start, count) {
      assertBatchInside(positions.length, start, count);
      const inputs = new Float32Array(count * size);
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
export function splitEvery(data: Dataset, n: number): { every: Dataset; others: Dataset } {
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
