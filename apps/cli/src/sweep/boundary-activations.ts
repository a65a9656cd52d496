import type { Model, Tensor } from '@spherize/core';
import type { Dataset } from '../data/dataset.js';
import { AccuracyCount } from '../evaluation/accuracy.js';
import { firstOutput, ModelRunner } from '../evaluation/model-runner.js';
import { samplesPerRun } from '../evaluation/run-size.js';

/** A batch as the rest of the network sees it. */
interface BoundaryBatch {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly labels: Int32Array;
}

/**
 * What reaches the first compressed layer, computed once for a whole sweep: only the rest of the network runs per setting.
 */
export class BoundaryActivations {
  readonly #batches: readonly BoundaryBatch[];

  private constructor(batches: readonly BoundaryBatch[]) {
    this.#batches = batches;
  }

  /** @param head the part of the model before the cut, or undefined when the whole model runs per setting */
  static async record(
    head: Model | undefined,
    tail: Model,
    data: Dataset,
    batch: number,
    signal: AbortSignal,
  ): Promise<BoundaryActivations> {
    const batches: BoundaryBatch[] = [];
    const runner = head && (await ModelRunner.start(head));
    const size = runner?.batchSize ?? tail.inputs[0]?.shape[0] ?? (await samplesPerRun(head ?? tail, batch));
    try {
      for (let start = 0; start < data.samples; start += size) {
        signal.throwIfAborted();
        const count = Math.min(size, data.samples - start);
        const { inputs, labels } = await data.batch(start, count);
        const tensors = runner
          ? await runner.run(inputs, count, data.shape)
          : { [tail.inputs[0]!.name]: { shape: [count, ...data.shape], data: inputs } };
        batches.push({ tensors, labels });
      }
    } finally {
      await runner?.release();
    }
    return new BoundaryActivations(batches);
  }

  /** The tensors of the first sample, or of the first batch where the tail fixes how many it takes. */
  firstSample(tail: Model): Record<string, Tensor> {
    const { tensors, labels } = this.#batches[0]!;
    if (tail.inputs.some(({ shape }) => shape[0] !== undefined)) return { ...tensors };
    return Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, data }]) => [
        name,
        { shape: [1, ...shape.slice(1)], data: data.slice(0, data.length / labels.length) },
      ]),
    );
  }

  /** Accuracy of a tail on what was recorded. */
  async evaluate(tail: Model, signal: AbortSignal): Promise<AccuracyCount> {
    const session = await tail.session();
    const output = firstOutput(tail);
    const accuracy = new AccuracyCount();
    try {
      for (const { tensors, labels } of this.#batches) {
        signal.throwIfAborted();
        accuracy.add((await session.run(tensors))[output]!, labels);
      }
    } finally {
      await session.release();
    }
    return accuracy;
  }
}
