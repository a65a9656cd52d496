import { InputError } from '../errors.js';
import type { Tensor } from '../format/model-format.js';

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
  const classes = classesOf(logits, labels.length);
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

/**
 * The number of classes of a classifier's scores.
 *
 * @throws InputError `UNSUPPORTED` for outputs of another shape than `[samples, classes]` (further axes of length 1 are allowed)
 */
export function classesOf({ shape }: Tensor, samples: number): number {
  const [count, classes = 0, ...more] = shape;
  if (count === samples && classes > 0 && more.every((length) => length === 1)) return classes;
  throw new InputError(
    'UNSUPPORTED',
    `the model gives outputs of shape [${shape.join(', ')}] for ${samples} ${samples === 1 ? 'sample' : 'samples'}: a classifier's [samples, classes] is needed`,
  );
}

/** How many classes come before a label: larger outputs, and equal ones with a smaller number. Not-a-number comes last. */
function rankOf(outputs: Tensor['data'], label: number): number {
  const own = outputs[label]!;
  if (Number.isNaN(own)) return outputs.length;
  let before = 0;
  for (let c = 0; c < outputs.length; c++)
    if (outputs[c]! > own || (outputs[c] === own && c < label)) before++;
  return before;
}
