/** How long the whole of two models takes, run in alternation. */
import { generatedInputs } from '../calibration/generated-inputs.js';
import { fixedBatch } from '../calibration/input-shapes.js';
import { settledInputs } from '../calibration/settled-inputs.js';
import { InputError } from '../errors.js';
import type { Model, Tensor } from '../format/model-format.js';
import { type RequireMemory, randomInputs, requireInputMemory, widestReach } from '../proof/random-inputs.js';
import { type ComparedLatency, compareLatency } from './latency.js';

/** For how long both run. */
const SECONDS = 1.5;

export interface WholeLatencyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Asked before the inputs are made. Default: nothing is refused. */
  readonly requireMemory?: RequireMemory | undefined;
}

/** @returns both models' times for one sample, or for as many as the inputs fix; undefined where the original does not run on random inputs */
export async function wholeLatency(
  original: Model,
  smaller: Model,
  seed: number,
  { signal, requireMemory }: WholeLatencyOptions = {},
): Promise<ComparedLatency | undefined> {
  const inputs = await timedInputs(original, seed, requireMemory);
  if (inputs === undefined) return undefined;
  const first = await original.session();
  try {
    // What the original refuses cannot be timed.
    const runs = await first.run(inputs).then(
      () => true,
      () => false,
    );
    if (!runs) return undefined;
    const second = await smaller.session();
    try {
      return await compareLatency({ session: first, inputs }, { session: second, inputs }, SECONDS, signal);
    } finally {
      await second.release();
    }
  } finally {
    await first.release();
  }
}

/** One sample of inputs that are generated, else of random ones; undefined where the model runs on none. */
export async function timedInputs(
  model: Model,
  seed: number,
  requireMemory?: RequireMemory,
): Promise<Readonly<Record<string, Tensor>> | undefined> {
  try {
    const inputs = await settledInputs(model);
    requireInputMemory(inputs, 1, requireMemory);
    for await (const batch of generatedInputs(inputs, { samples: 1, seed }).batches()) return batch;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  const reach = await widestReach(model, seed, requireMemory).catch(() => undefined);
  return reach && randomInputs(model.inputs, fixedBatch(model.inputs) ?? 1, seed, { reach, requireMemory });
}

/** Whether the second is slower beyond noise: it took longer in three of four pairs of runs. */
export function isSlower({ difference }: ComparedLatency): boolean {
  return difference.quartiles[0] > 0;
}

/** Whether it is faster by the same measure. */
export function isFaster({ difference }: ComparedLatency): boolean {
  return difference.quartiles[1] < 0;
}
