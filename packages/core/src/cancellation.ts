/** Options that every long computation takes. */
export interface LongRunOptions {
  /** Ends the computation early: it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with what has been done. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How far one phase of a computation is. */
export interface Progress {
  /** What is being done: `gram`, `seeding`, `lloyd`, `hartigan`, `calibration`, `proof`, `curves`, `sweep`. */
  readonly phase: string;
  /** Units of the phase that are done. */
  readonly done: number;
  /** Units of the phase in all, or undefined where nobody knows beforehand. */
  readonly total: number | undefined;
  /** The layer that it is done to, where it is done to one. */
  readonly layer?: string | undefined;
  /** What is at hand within the phase, in words. */
  readonly detail?: string | undefined;
  /** Share in [0, 1] of the whole call that is done, by an estimate that never falls; from calls that know it. */
  readonly share?: number | undefined;
}

/** Progress of a part of a call, as progress of the whole: the part takes it from one share to another. */
export function partOf(
  onProgress: LongRunOptions['onProgress'],
  from: number,
  to: number,
): (step: Progress) => void {
  return (step) => onProgress?.({ ...step, share: from + (to - from) * (step.share ?? 0) });
}

const BREATH_MILLISECONDS = 100;

/**
 * Lets a computation be observed and cancelled: `await pause.point()` returns at once, except that every 100 ms it
 * gives the event loop a turn, so that timers run and signals arrive.
 */
export class Pause {
  #last: number = performance.now();
  readonly #signal: AbortSignal | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.throwIfAborted();
  }

  /** @throws the signal's reason once it is aborted */
  async point(): Promise<void> {
    if (performance.now() - this.#last > BREATH_MILLISECONDS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#last = performance.now();
    }
    this.#signal?.throwIfAborted();
  }
}
