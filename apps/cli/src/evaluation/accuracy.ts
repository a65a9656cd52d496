import { InputError, type Tensor } from '@spherize/core';

/** Counts of correctly classified samples. */
export class AccuracyCount {
  samples = 0;
  #top1 = 0;
  #top5 = 0;

  /**
   * Adds a batch.
   *
   * @param logits shape `[count, classes]` (further axes of length 1 are allowed)
   * @param labels shape `[count]`
   * @throws InputError `UNSUPPORTED` for outputs of another shape, `BAD_ARGUMENT` when a label is no class of the model
   */
  add(logits: Tensor, labels: Int32Array): void {
    for (const better of labelRanks(logits, labels, this.samples)) {
      if (better < 1) this.#top1++;
      if (better < 5) this.#top5++;
      this.samples++;
    }
  }

  /** Share of samples whose label has the largest output. */
  get top1(): number {
    return this.#top1 / this.samples;
  }

  /** Share of samples whose label is among the five largest outputs. */
  get top5(): number {
    return this.#top5 / this.samples;
  }
}

/**
 * How many classes come before each sample's label: 0 where the label has the largest output.
 *
 * @param logits shape `[count, classes]` (further axes of length 1 are allowed)
 * @param labels shape `[count]`
 * @param first the number of the first sample, for messages
 * @throws InputError `UNSUPPORTED` for outputs of another shape, `BAD_ARGUMENT` when a label is no class of the model
 */
export function labelRanks(logits: Tensor, labels: Int32Array, first: number): Int32Array {
  const [count, classes = 0, ...more] = logits.shape;
  if (count !== labels.length || classes === 0 || more.some((length) => length !== 1)) {
    throw new InputError(
      'UNSUPPORTED',
      `the model gives outputs of shape [${logits.shape.join(', ')}] for ${labels.length} samples: a classifier's [samples, classes] is needed`,
    );
  }
  return labels.map((label, i) => {
    if (label >= classes) {
      throw new InputError(
        'BAD_ARGUMENT',
        `data: sample ${first + i} has label ${label}, but the model has ${classes} classes; give data made for this model, with labels from 0`,
      );
    }
    return rankOf(logits.data.subarray(i * classes, (i + 1) * classes), label);
  });
}

/** How many classes come before a label: larger outputs, and equal ones with a smaller number. Not-a-number comes last. */
function rankOf(outputs: Float32Array, label: number): number {
  const own = outputs[label]!;
  if (Number.isNaN(own)) return outputs.length;
  let before = 0;
  for (let c = 0; c < outputs.length; c++)
    if (outputs[c]! > own || (outputs[c] === own && c < label)) before++;
  return before;
}
