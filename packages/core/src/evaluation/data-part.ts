import { consecutive, type LabelledData } from './labelled-data.js';

/** Some samples of labelled data, by position and in this order. */
export function dataPart(data: LabelledData, positions: readonly number[]): LabelledData {
  return {
    name: data.name,
    samples: positions.length,
    scores: data.scores,
    batch: (chosen) => data.batch(chosen.map((i) => positions[i]!)),
  };
}

/** Every n-th sample from the first on, and the others. */
export function splitEvery(data: LabelledData, n: number): { every: LabelledData; others: LabelledData } {
  const all = consecutive(0, data.samples);
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
