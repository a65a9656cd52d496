import type { ModelSession, Tensor } from '../format/model-format.js';

/** At least this many timed runs of each model, however slow. */
const LEAST_RUNS = 9;
const WARM_UPS = 2;
/** More runs of each tell nothing new. */
const MOST_RUNS = 300;

/** Both models' times, and the second's less the first's of runs that stood side by side. */
export interface ComparedLatency {
  readonly before: Latency;
  readonly after: Latency;
  readonly difference: Latency;
  readonly runs: number;
}

/** Times of one model's runs, in milliseconds. */
export interface Latency {
  readonly median: number;
  /** First and third quartile. */
  readonly quartiles: readonly [number, number];
}

/** A session with what it is fed. */
export interface TimedRun {
  readonly session: ModelSession;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

/**
 * Times two models in alternation, so that a change of the machine's load or clock meets both. After two warm-ups, runs
 * go on until `seconds` have passed and each model has run nine times, or until each has run `most` times (default 300).
 */
export async function compareLatency(
  before: TimedRun,
  after: TimedRun,
  seconds: number,
  signal?: AbortSignal,
  most: number = MOST_RUNS,
): Promise<ComparedLatency> {
  const first = { ...before, times: [] as number[] };
  const second = { ...after, times: [] as number[] };
  for (const { session, inputs } of [first, second]) {
    for (let i = 0; i < WARM_UPS; i++) await session.run(inputs);
  }
  const started = performance.now();
  const goesOn = (run: number): boolean => run < LEAST_RUNS || performance.now() - started < 1000 * seconds;
  for (let run = 0; run < most && goesOn(run); run++) {
    for (const { session, inputs, times } of run % 2 === 0 ? [first, second] : [second, first]) {
      signal?.throwIfAborted();
      const start = performance.now();
      await session.run(inputs);
      times.push(performance.now() - start);
    }
  }
  return {
    before: summary(first.times),
    after: summary(second.times),
    difference: summary(second.times.map((time, i) => time - first.times[i]!)),
    runs: first.times.length,
  };
}

/** Median and quartiles, interpolated between neighbours. */
export function summary(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const next = sorted[Math.min(below + 1, sorted.length - 1)]!;
    return sorted[below]! + (place - below) * (next - sorted[below]!);
  };
  return { median: quantile(0.5), quartiles: [quantile(0.25), quantile(0.75)] };
}
