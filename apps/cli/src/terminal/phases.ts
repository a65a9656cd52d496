/** A bar over work of several phases, and with `--verbose` what each of them took. */
import type { Progress } from '@spherize/core';
import { verboseLine } from './output.js';
import { startProgress } from './progress.js';

/** The bar counts in shares of the whole. */
const TOTAL = 1000;

export interface Phases {
  /** Begins a phase, at a share of the whole. */
  enter(phase: string, share: number): void;
  /** Runs a part of the work that takes the bar from one share of the whole to another. */
  part<T>(from: number, to: number, run: (onProgress: (step: Progress) => void) => Promise<T>): Promise<T>;
  stop(): void;
}

/** Starts the bar at once: what takes long before the first phase shows as well. */
export function startPhases(first: string): Phases {
  const bar = startProgress(TOTAL);
  let current: { name: string; since: number } | undefined;
  const end = (): void => {
    if (current === undefined) return;
    const { name, since } = current;
    current = undefined;
    const seconds = (performance.now() - since) / 1000;
    void verboseLine(async () => `${name}: ${seconds.toFixed(1)} s`);
  };
  const show = (name: string, detail: string | undefined, share: number): void => {
    if (current?.name !== name) {
      end();
      current = { name, since: performance.now() };
    }
    const done = Math.round(TOTAL * share);
    bar.show({ detail: detail === undefined ? name : `${name} ${detail}`, done, total: TOTAL });
  };
  show(first, undefined, 0);
  return {
    enter: (phase, share) => show(phase, undefined, share),
    part: (from, to, run) =>
      run(({ phase, layer, detail, share = 0 }) =>
        show(phase, layer ?? detail, from + (to - from) * Math.min(1, share)),
      ),
    stop() {
      end();
      bar.stop();
    },
  };
}
