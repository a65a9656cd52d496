/**
 * Lengths for the free axes of a model's inputs, where nobody says them: a batch, and otherwise what inputs of the kind usually have.
 */
import { isFloat } from '../format/element-type.js';
import type { TensorInfo } from '../format/model-format.js';
import { channelAxisOf } from './image-layout.js';

/** An input without free axes. */
export interface SizedInput extends TensorInfo {
  readonly shape: readonly number[];
  /** The axis that counts samples; undefined where one tensor serves all of them. */
  readonly batchAxis: number | undefined;
}

/** Lengths of free axes: words of a text, height and width of an image, numbers of a signal, steps of a series. */
const USUAL = { words: 64, pixels: 128, signal: 16_000, steps: 64 } as const;

/** Names that exporters give to an axis of samples. */
const BATCH = /^(n|b|bs|batch.*)$/i;
/** Names of axes along which a decoder keeps what it has read. */
const PAST = /^past/i;

/**
 * The number of samples that a run of the model always takes; undefined where they are free.
 *
 * Other first axes may have a length of their own, such as the two states of a network that reads a signal in steps.
 */
export function fixedBatch(inputs: readonly TensorInfo[]): number | undefined {
  const names = batchNames(inputs);
  // A switch or a rate: one number for all samples.
  const samples = inputs.some(({ shape }) => shape.length > 1 && shape[0] === undefined)
    ? inputs.filter(({ shape }) => shape.length !== 1 || shape[0] === undefined)
    : inputs;
  const first = samples.filter((input) => batchAxisOf(input, names) === 0);
  return first.map(({ shape }) => shape[0]).find((size) => size !== undefined);
}

/**
 * The inputs with a length for each free axis. Axes of one name get one length; where a name is a sum, as in
 * `past_sequence_length + sequence_length`, it is that of the lengths.
 *
 * @param batch length of the axes that count samples, where they are free
 * @param length of other free axes. Default: by the kind of the input, 64 words, 128 × 128 pixels, 16,000 numbers of a signal, or 64 steps
 */
export function sizedInputs(
  inputs: readonly TensorInfo[],
  batch: number,
  length?: number | undefined,
): SizedInput[] {
  const names = batchNames(inputs);
  const known = new Map<string, number>();
  for (const input of inputs) {
    const batchAxis = batchAxisOf(input, names);
    for (const [axis, size] of input.shape.entries()) {
      const name = input.axes?.[axis];
      if (name === undefined || name.includes('+')) continue;
      // A length that is given counts for all axes of that name.
      if (size !== undefined) known.set(name, size);
      else if (known.has(name)) continue;
      else if (axis === batchAxis || names.has(name)) known.set(name, batch);
      else known.set(name, length ?? (PAST.test(name) ? 0 : usualLength(input)));
    }
  }
  return inputs.map((input) => {
    const batchAxis = batchAxisOf(input, names);
    const shape = input.shape.map((size, axis) => {
      if (size !== undefined) return size;
      const name = input.axes?.[axis];
      const named = name === undefined ? undefined : lengthCalled(name, known);
      return named ?? (axis === batchAxis ? batch : (length ?? usualLength(input)));
    });
    return { ...input, shape, batchAxis };
  });
}

/** The lengths of an axis by its name, a sum of names, or the total of what a decoder has read and reads. */
function lengthCalled(name: string, known: ReadonlyMap<string, number>): number | undefined {
  if (!name.includes('+')) return known.get(name);
  const parts = name.split('+').map((part) => known.get(part.trim()) ?? Number(part));
  return parts.some(Number.isNaN) ? undefined : parts.reduce((sum, part) => sum + part, 0);
}

/** Names of axes that count samples: those that say so, and those that only first axes have. */
function batchNames(inputs: readonly TensorInfo[]): ReadonlySet<string> {
  const named = inputs.flatMap(({ axes = [] }) =>
    axes.flatMap((name, axis) => (name === undefined ? [] : [{ name, axis }])),
  );
  const later = new Set(named.filter(({ axis }) => axis > 0).map(({ name }) => name));
  return new Set(named.filter(({ name }) => BATCH.test(name) || !later.has(name)).map(({ name }) => name));
}

function batchAxisOf({ shape, axes }: TensorInfo, names: ReadonlySet<string>): number | undefined {
  const named = axes?.findIndex((name) => name !== undefined && names.has(name)) ?? -1;
  if (named >= 0) return named;
  // A first axis with the name of another one counts something else.
  return shape.length === 0 || axes?.[0] !== undefined ? undefined : 0;
}

function usualLength({ shape, type = 'float32', entries }: TensorInfo): number {
  if ((!isFloat(type) || entries !== undefined) && shape.length <= 2) return USUAL.words;
  if (channelAxisOf(shape) !== undefined) return USUAL.pixels;
  return shape.length <= 2 ? USUAL.signal : USUAL.steps;
}
