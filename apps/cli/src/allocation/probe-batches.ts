import { type CalibrationInputs, generatedInputs, type Model } from '@spherize/core';
import type { Dataset } from '../data/dataset.js';
import { ModelRunner, singleInput } from '../evaluation/model-runner.js';
import type { ProbeBatch } from './output-probe.js';

/** Inputs that are made up where there are no data to measure curves on. */
export const GENERATED_PROBES = 500;

export interface GeneratedProbeOptions {
  readonly seed: number;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly batch: number;
}

/** Generated inputs for a model; others than calibration with the same seed takes. */
export function generatedProbes(
  model: Model,
  { seed, ...options }: GeneratedProbeOptions,
): CalibrationInputs {
  return generatedInputs(singleInput(model), { samples: GENERATED_PROBES, seed: seed + 1, ...options });
}

/** Unlabelled inputs as they reach a cut through the model. */
export async function* generatedBatches(
  head: Model | undefined,
  inputs: CalibrationInputs,
): AsyncGenerator<ProbeBatch> {
  const session = await head?.session();
  try {
    for await (const batch of inputs.batches()) yield { tensors: session ? await session.run(batch) : batch };
  } finally {
    await session?.release();
  }
}

/** The samples of a data set as they reach a cut through the model. */
export async function* dataBatches(
  head: Model | undefined,
  tail: Model,
  data: Dataset,
  batch: number,
): AsyncGenerator<ProbeBatch> {
  const runner = head && (await ModelRunner.start(head));
  const input = singleInput(head ?? tail).name;
  const size = runner?.batchSize ?? tail.inputs[0]?.shape[0] ?? batch;
  try {
    for (let start = 0; start < data.samples; start += size) {
      const count = Math.min(size, data.samples - start);
      const { inputs, labels } = await data.batch(start, count);
      const tensors = runner
        ? await runner.run(inputs, count, data.shape)
        : { [input]: { shape: [count, ...data.shape], data: inputs } };
      yield { tensors, labels };
    }
  } finally {
    await runner?.release();
  }
}
