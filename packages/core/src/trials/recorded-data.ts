import { AccuracyCount } from '../evaluation/accuracy.js';
import { EVALUATION_BATCH } from '../evaluation/evaluate-model.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { samplesPerRun } from '../evaluation/run-size.js';
import type { Model, Tensor } from '../format/model-format.js';
import { scoresOutput } from '../format/scores-output.js';
import { type CutBatch, firstSample, labelledBatches } from './cut-batches.js';
import type { Trials } from './trials.js';

/**
 * What of labelled data reaches the first compressed layer, computed once: only the rest of the network runs per compression.
 */
export class RecordedData {
  readonly #batches: readonly (CutBatch & { readonly labels: Int32Array })[];
  readonly #scores: string | undefined;

  private constructor(
    batches: readonly (CutBatch & { readonly labels: Int32Array })[],
    scores: string | undefined,
  ) {
    this.#batches = batches;
    this.#scores = scores;
  }

  /** @param batch samples at a time. Default 64 */
  static async record(
    { head, tail }: Pick<Trials, 'head' | 'tail'>,
    data: LabelledData,
    batch: number = EVALUATION_BATCH,
    signal?: AbortSignal,
  ): Promise<RecordedData> {
    const batches: (CutBatch & { readonly labels: Int32Array })[] = [];
    const size = await samplesPerRun(head ?? tail, batch);
    for await (const recorded of labelledBatches(head, tail, data, size)) {
      signal?.throwIfAborted();
      batches.push(recorded);
    }
    return new RecordedData(batches, data.scores);
  }

  /** The tensors of the first sample, or of the first batch where the tail fixes how many it takes. */
  sample(tail: Model): Record<string, Tensor> {
    return firstSample(tail, this.#batches[0]!);
  }

  /** Accuracy of a tail on what was recorded. */
  async evaluate(tail: Model, signal?: AbortSignal): Promise<AccuracyCount> {
    const session = await tail.session();
    const output = scoresOutput(tail, this.#scores).name;
    const accuracy = new AccuracyCount();
    try {
      for (const { tensors, labels } of this.#batches) {
        signal?.throwIfAborted();
        accuracy.add((await session.run(tensors))[output]!, labels);
      }
    } finally {
      await session.release();
    }
    return accuracy;
  }
}
