import { Presets, SingleBar } from 'cli-progress';

/** Where work stands: what the library's progress says, as far as a bar shows it. */
export interface Standing {
  /** What is being done right now. */
  readonly detail?: string | undefined;
  readonly done?: number;
  /** Of the work that counts in units; other work moves the text only. */
  readonly total?: number | undefined;
}

/** Shows how far long work is: a bar on a terminal, nothing otherwise. Always on stderr. */
export interface ProgressBar {
  /** What is being done right now. */
  note(text: string): void;
  advance(units?: number): void;
  /** A function by itself, for the library's `onProgress`. */
  readonly show: (standing: Standing) => void;
  stop(): void;
}

/** @param total units of work in all; work that says its own total replaces it */
export function startProgress(total = 1): ProgressBar {
  const bar = new SingleBar(
    {
      stream: process.stderr,
      format: '{bar} {percentage}% | {value}/{total} | {eta_formatted} left | {note}',
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      // Not on a terminal: quiet.
      noTTYOutput: false,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { note: '' });
  return {
    note: (text) => bar.update({ note: text }),
    advance: (units = 1) => bar.increment(units),
    show({ detail, done, total: own }) {
      if (own !== undefined && done !== undefined) {
        bar.setTotal(own);
        bar.update(done);
      }
      if (detail !== undefined) bar.update({ note: detail });
    },
    stop: () => bar.stop(),
  };
}
