import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import { evaluateModel } from '../evaluation/evaluate-model.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { Model } from '../format/model-format.js';
import type { WidthReport } from '../neurons/reduce-neurons.js';
import { compressModel } from '../pipeline/compress-model.js';
import type { CompressModelOptions } from '../pipeline/compressed-model.js';
import type { Width } from '../widths/find-widths.js';

/** The model with one width reduced. */
export interface WidthPoint extends WidthReport {
  readonly ratio: number;
  /** See `OutputFidelity`. */
  readonly outputError: number | null;
  readonly agreement: number | null;
  /** Accuracy on labelled data; null without. */
  readonly top1: number | null;
}

/** All points of one width. */
export interface WidthCurve {
  readonly width: Width;
  readonly points: readonly WidthPoint[];
}

/** How widths are measured. */
export interface MeasureWidthsOptions
  extends LongRunOptions,
    Pick<CompressModelOptions, 'reduce' | 'clusterer' | 'engine' | 'calibration' | 'roundTo' | 'seed'> {
  readonly ratios: readonly number[];
  /** Inputs on which outputs are compared. */
  readonly inputs: CalibrationInputs;
  /** Labelled data on which accuracy is measured besides. */
  readonly data?: LabelledData | undefined;
}

/** Measures what a model loses when each of some widths alone becomes narrower. Progress counts points. */
export async function measureWidths(
  model: Model,
  widths: readonly Width[],
  { ratios, inputs, data, onProgress, ...options }: MeasureWidthsOptions,
): Promise<WidthCurve[]> {
  const { signal } = options;
  const recorded = await recordOutputs(model, inputs, { signal, scores: data?.scores });
  const total = ratios.length * widths.length;
  let done = 0;
  const curves: WidthCurve[] = [];
  for (const width of widths) {
    const points: WidthPoint[] = [];
    for (const ratio of ratios) {
      signal?.throwIfAborted();
      onProgress?.({
        phase: 'curves',
        done,
        total,
        layer: width.name,
        detail: `${width.name}, ${ratio} of its features`,
      });
      const own = { ...options, ratio: { [width.name]: ratio }, prove: false };
      const { model: smaller, reductions } = await compressModel(model, own);
      const { outputError, agreement } = await fidelityTo(recorded, smaller, { signal });
      const top1 = data === undefined ? null : (await evaluateModel(smaller, data, { signal })).top1;
      points.push({ ...reductions[0]!, ratio, outputError, agreement, top1 });
      done++;
    }
    curves.push({ width, points });
  }
  onProgress?.({ phase: 'curves', done, total });
  return curves;
}
