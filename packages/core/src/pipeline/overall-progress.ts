import type { Progress } from '../cancellation.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer } from '../format/model-format.js';

/** Shares of the time that phases take, about: the layers' is what the others leave. */
const CALIBRATION = 0.4;
const PROOF = 0.05;
/** Of a layer's own time, what its Gram matrix takes. */
const GRAM = 0.6;
/** Of the rest, what is done once a phase of clustering is: nobody knows how many iterations there are. */
const PHASES: Readonly<Record<string, number>> = {
  seeding: 0.2,
  lloyd: 0.6,
  hartigan: 0.9,
  'rank-one': 0.95,
};

/** Where a compression stands as a whole, from where its parts stand. */
export interface OverallProgress {
  /** A step within a layer. */
  layer(layer: FcLayer, step: Progress): void;
  layerDone(layer: FcLayer): void;
  /** A step of calibration. */
  calibration(step: Progress): void;
  /** The proof begins. */
  proof(): void;
  /** Everything is done; `phase` was the last one. */
  done(phase: string): void;
}

/** What the calls report to, with shares that never fall: a layer counts with the multiplications of its Gram matrix, `m·n²`. */
export function overallProgress(
  layers: readonly FcLayer[],
  options: {
    readonly onProgress?: ((progress: Progress) => void) | undefined;
    readonly calibration?: unknown;
    readonly prove?: boolean | undefined;
  },
): OverallProgress {
  const { onProgress, calibration, prove = true } = options;
  const refitting = calibration ? CALIBRATION : 0;
  const clustering = 1 - refitting - (prove ? PROOF : 0);
  const weight = (layer: FcLayer): number => layer.outputs * spanOf(layer) * layer.inputs ** 2;
  const total = layers.reduce((sum, layer) => sum + weight(layer), 0);
  let finished = 0;
  let share = 0;
  const report = (step: Progress, reached: number): void => {
    share = Math.max(share, Math.min(1, reached));
    onProgress?.({ ...step, share });
  };
  const at = (layer: FcLayer, part: number): number =>
    (clustering * (finished + part * weight(layer))) / total;
  return {
    layer: (layer, step) => report({ ...step, layer: layer.name }, at(layer, partOfLayer(step))),
    layerDone(layer) {
      report({ phase: 'clustered', done: 1, total: 1, layer: layer.name }, at(layer, 1));
      finished += weight(layer);
    },
    calibration: (step) => report(step, clustering + (refitting * step.done) / (step.total ?? layers.length)),
    proof: () => report({ phase: 'proof', done: 0, total: 1 }, clustering + refitting),
    done: (phase) => report({ phase, done: 1, total: 1 }, 1),
  };
}

function partOfLayer({ phase, done, total }: Progress): number {
  const own = total ? done / total : 0;
  if (phase === 'gram') return GRAM * own;
  return GRAM + (1 - GRAM) * (PHASES[phase] ?? 0.5);
}
