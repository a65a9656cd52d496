import { Presets, SingleBar } from 'cli-progress';

/** Shows how far long work is: a bar on a terminal, nothing otherwise. Always on stderr. */
export interface ProgressBar {
  /** What is being done right now. */
  note(text: string): void;
  advance(units?: number): void;
  stop(): void;
}

/** @param total units of work in all */
export function startProgress(total: number): ProgressBar {
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
    stop: () => bar.stop(),
  };
}
