/** How long the whole of two models takes, run in alternation. */
import type { Model } from '../format/model-format.js';
import { fixedBatch, type RequireMemory, randomInputs, widestReach } from '../proof/random-inputs.js';
import { type ComparedLatency, compareLatency } from './latency.js';

/** For how long both run, and how often at most. */
const SECONDS = 1.5;
const MOST_RUNS = 300;

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
  const reach = await widestReach(original, seed, requireMemory).catch(() => undefined);
  if (reach === undefined) return undefined;
  const inputs = randomInputs(original.inputs, fixedBatch(original.inputs) ?? 1, seed, {
    reach,
    requireMemory,
  });
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
      return await compareLatency(
        { session: first, inputs },
        { session: second, inputs },
        SECONDS,
        signal,
        MOST_RUNS,
      );
    } finally {
      await second.release();
    }
  } finally {
    await first.release();
  }
}

/** Whether the second is slower beyond noise: it took longer in three of four pairs of runs. */
export function isSlower({ difference }: ComparedLatency): boolean {
  return difference.quartiles[0] > 0;
}

/** Whether it is faster by the same measure. */
export function isFaster({ difference }: ComparedLatency): boolean {
  return difference.quartiles[1] < 0;
}
