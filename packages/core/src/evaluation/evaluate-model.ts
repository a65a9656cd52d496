import type { Model, Tensor } from '../format/model-format.js';
import { scoresOutput } from '../format/scores-output.js';
import { AccuracyCount } from './accuracy.js';
import { consecutive, type LabelledData } from './labelled-data.js';
import { ModelRunner } from './model-runner.js';
import { samplesPerRun } from './run-size.js';

/** Samples at a time, unless another number is asked for. */
export const EVALUATION_BATCH = 64;

/** How a model is evaluated. */
export interface EvaluateOptions {
  /** Samples at a time; a batch size that the model fixes wins. Default 64. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the number of its samples. */
  readonly onSamples?: ((count: number) => void) | undefined;
}

/**
 * Top-1 and top-5 accuracy of a classifier over labelled data.
 *
 * @throws InputError `UNSUPPORTED` for a model without scores, `BAD_ARGUMENT` for a label that is no class of it
 *
 * @example
 * const data = { name: 'mine', samples: 100, batch: async (positions) => ({ inputs: { x: { shape, data } }, labels }) };
 * const { top1 } = await evaluateModel(model, data);
 */
export async function evaluateModel(
  model: Model,
  data: LabelledData,
  options: EvaluateOptions = {},
): Promise<AccuracyCount> {
  const accuracy = new AccuracyCount();
  for await (const { scores, labels } of scoredBatches(model, data, options)) accuracy.add(scores, labels);
  return accuracy;
}

/** Runs a classifier over labelled data, batch by batch. */
export async function* scoredBatches(
  model: Model,
  data: LabelledData,
  options: EvaluateOptions = {},
): AsyncGenerator<{ readonly scores: Tensor; readonly labels: Int32Array; readonly start: number }> {
  const runner = await ModelRunner.start(model);
  const output = scoresOutput(model, data.scores).name;
  const size = runner.batchSize ?? (await samplesPerRun(model, options.batch ?? EVALUATION_BATCH));
  try {
    for (let start = 0; start < data.samples; start += size) {
      options.signal?.throwIfAborted();
      const count = Math.min(size, data.samples - start);
      const { inputs, labels } = await data.batch(consecutive(start, count));
      const outputs = await runner.run(inputs, count);
      yield { scores: outputs[output]!, labels, start };
      options.onSamples?.(count);
    }
  } finally {
    await runner.release();
  }
}
