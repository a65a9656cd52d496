/** Seeded values for all inputs of any model: what proofs and timings run on. */
import { fixedBatch, sizedInputs } from '../calibration/input-shapes.js';
import { InputError } from '../errors.js';
import { allocateValues, isFloat, valueRange } from '../format/element-type.js';
import type { Model, Tensor, TensorInfo } from '../format/model-format.js';
import { Random } from '../random.js';

/**
 * Refuses work that cannot fit into memory, by throwing; `requireMemory` of `@spherize/files` is one.
 *
 * @param what what needs the memory, as the start of a sentence
 * @param remedy what to do instead
 */
export type RequireMemory = (what: string, bytes: number, remedy: string) => void;

/**
 * How far generated whole numbers reach: over all that types of 8 and 16 bits hold, which pixels and quantised values use; over 0 … 255,
 * which wider types often hold as well; or over 0 and 1, which every table has an entry for.
 */
export type Reach = 'type' | 'byte' | 'bit';

const REACHES: readonly Reach[] = ['type', 'byte', 'bit'];

/** Free axes besides that of the samples. */
const FREE_LENGTH = 1;

/** How `randomInputs` draws. */
export interface RandomInputsOptions {
  /** Default `type`. */
  readonly reach?: Reach;
  /** By the number of a sample: whether its floats are normally distributed (mean 0, deviation 1) instead of uniform in [0, 1). */
  readonly isNormal?: (sample: number) => boolean;
  /** Asked before values are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/**
 * Seeded values for all inputs of a model: floats uniform in [0, 1), and whole numbers as far as `reach` says, or any entry of the table that
 * they are looked up in.
 *
 * @param batch length of a free first axis; other free axes get length 1
 * @throws InputError `UNSUPPORTED` for an input that takes no numbers
 */
export function randomInputs(
  inputs: readonly TensorInfo[],
  batch: number,
  seed: number,
  { reach = 'type', isNormal = () => false, requireMemory }: RandomInputsOptions = {},
): Record<string, Tensor> {
  requireInputMemory(inputs, batch, requireMemory);
  const random = new Random(seed);
  return Object.fromEntries(
    sizedInputs(inputs, batch, FREE_LENGTH).map((input) => {
      const { shape: sizes } = input;
      const values = sizes.reduce((product, size) => product * size, 1);
      const perSample = values / Math.max(1, sizes[0] ?? 1);
      const whole = wholeNumbers(input, reach);
      const data = allocateValues(input.type, values);
      for (let i = 0; i < values; i++) {
        if (whole) data[i] = whole.least + random.integer(whole.count);
        else data[i] = isNormal(Math.floor(i / perSample)) ? random.normal() : random.uniform();
      }
      return [input.name, { shape: sizes, data }];
    }),
  );
}

/**
 * Runs something on generated inputs whose whole numbers reach as far as it takes them: a model that looks them up in a table refuses
 * those beyond it.
 *
 * @throws what it throws for the narrowest ones
 */
export async function withWidestReach<T>(
  inputs: readonly TensorInfo[],
  run: (reach: Reach) => Promise<T>,
): Promise<{ reach: Reach; result: T }> {
  const ranges = new Map<string, Reach>();
  for (const reach of REACHES) {
    const range = JSON.stringify(inputs.map((input) => wholeNumbers(input, reach)));
    if (!ranges.has(range)) ranges.set(range, reach);
  }
  const reaches = [...ranges.values()];
  for (const reach of reaches.slice(0, -1)) {
    try {
      return { reach, result: await run(reach) };
    } catch {
      // The next ones are narrower; what is wrong beside the numbers shows again.
    }
  }
  const reach = reaches.at(-1)!;
  return { reach, result: await run(reach) };
}

/** How far the whole numbers of a model's inputs reach, by running it on one batch of them; `type` without a run where it takes floats. */
export async function widestReach(model: Model, seed: number, requireMemory?: RequireMemory): Promise<Reach> {
  const { inputs } = model;
  if (inputs.every(({ type }) => isFloat(type))) return 'type';
  const session = await model.session();
  try {
    const run = (reach: Reach) =>
      session.run(randomInputs(inputs, fixedBatch(inputs) ?? 1, seed, { reach, requireMemory }));
    return (await withWidestReach(inputs, run)).reach;
  } finally {
    await session.release();
  }
}

/** The smallest of the whole numbers that an input gets and how many there are, or undefined for floats. */
function wholeNumbers(
  { name, type = 'float32', entries }: TensorInfo,
  reach: Reach,
): { least: number; count: number } | undefined {
  const range = valueRange(type);
  if (range === undefined)
    throw new InputError('UNSUPPORTED', `input '${name}' takes ${type}, which cannot be generated`);
  if (!range.whole && entries === undefined) return undefined;
  if (entries !== undefined) return { least: 0, count: Math.min(entries, range.most + 1) };
  const { least, most } = range;
  // Wide types hold indices, pixels and counts: over their whole range, rounding would hide all but the largest numbers.
  if (reach === 'type' && most < 2 ** 16) return { least, count: most - least + 1 };
  return { least: 0, count: Math.min(most, reach === 'bit' ? 1 : 255) + 1 };
}

/** Asks for the memory of one run's inputs, one after the other; nothing is refused without `requireMemory`. */
export function requireInputMemory(
  inputs: readonly TensorInfo[],
  batch: number,
  requireMemory?: RequireMemory,
): void {
  for (const { name, shape } of sizedInputs(inputs, batch, FREE_LENGTH)) {
    const bytes = shape.reduce((product, size) => product * size, 4);
    requireMemory?.(`input '${name}' of shape [${shape.join(', ')}]`, bytes, 'use a smaller batch or model');
  }
}
