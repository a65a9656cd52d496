import type { Model } from '@spherize/core';
import type { Dataset } from '../data/dataset.js';
import { AccuracyCount } from './accuracy.js';
import { firstOutput, ModelRunner } from './model-runner.js';
import { samplesPerRun } from './run-size.js';

export interface EvaluateOptions {
  /** Samples at a time; a batch size that the model fixes wins. */
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
  readonly onSamples?: ((count: number) => void) | undefined;
}

/** Top-1 and top-5 accuracy of a classifier over a data set. */
export async function evaluateModel(
  model: Model,
  data: Dataset,
  options: EvaluateOptions,
): Promise<AccuracyCount> {
  const runner = await ModelRunner.start(model);
  const output = firstOutput(model);
  const accuracy = new AccuracyCount();
  const size = runner.batchSize ?? (await samplesPerRun(model, options.batch));
  try {
    for (let start = 0; start < data.samples; start += size) {
      options.signal?.throwIfAborted();
      const count = Math.min(size, data.samples - start);
      const { inputs, labels } = await data.batch(start, count);
      const outputs = await runner.run(inputs, count, data.shape);
      accuracy.add(outputs[output]!, labels);
      options.onSamples?.(count);
    }
  } finally {
    await runner.release();
  }
  return accuracy;
}
