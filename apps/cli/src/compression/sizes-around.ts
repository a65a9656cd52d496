/** What less and more of the same compression would have given, and what the other reduction gives: points of curves, for a report. */
import {
  type CompressedModel,
  type CompressModelOptions,
  compressModel,
  findWidths,
  InputError,
  type Model,
  type Reduction,
} from '@spherize/core';
import { fidelityTo, type RecordedOutputs } from '@spherize/core/evaluation';
import { writtenBytes } from '../footprint/written-bytes.js';
import type { Phases } from '../terminal/phases.js';

/** How many times as much leaves each width, or each layer's columns, in other sizes; of the other reduction also as much. */
const TIMES: readonly number[] = [0.5, 0.75, 1.15];
const OTHER_TIMES: readonly number[] = [0.5, 0.75, 1, 1.15];
/** Of each width something stays. */
const MOST = 0.98;

/** The model at one other size. */
export interface MeasuredSize {
  readonly reduce: Reduction;
  /** How many times as much left as in the result: every width or layer of the same reduction, all parameters of the other. */
  readonly times: number;
  readonly bytes: number;
  /** On the inputs of the record. */
  readonly error: number;
  /** Null where no output looks like the scores of classes. */
  readonly agreement: number | null;
}

/** What is measured, and where the bar stands meanwhile. */
export interface SizesOptions {
  readonly recorded: RecordedOutputs;
  /** For the file's name. */
  readonly output: string;
  readonly phases: Phases;
  readonly from: number;
  readonly to: number;
}

/** A compression that gives one point. */
interface Attempt {
  readonly reduce: Reduction;
  readonly times: number;
  readonly ratio: ReadonlyMap<string, number> | number;
}

/**
 * Compresses a model anew: with less and with more taken than a result lost, in the same proportions, and by the other reduction, at one ratio
 * for all that it can take.
 *
 * @param options those that the result was made with
 * @returns nothing where no outputs can be compared; without the sizes that cannot be made
 */
export async function sizesAround(
  model: Model,
  result: CompressedModel,
  options: CompressModelOptions & { readonly reduce: Reduction },
  { recorded, output, phases, from, to }: SizesOptions,
): Promise<MeasuredSize[]> {
  const sizes: MeasuredSize[] = [];
  if (recorded.batches.length === 0) return sizes;
  const attempts = [
    ...sameReduction(result, options.reduce),
    ...otherReduction(model, result, options.reduce),
  ];
  const part = (to - from) / attempts.length;
  for (const [i, { reduce, times, ratio }] of attempts.entries()) {
    try {
      const own = { ...options, reduce, ratio, prove: false };
      const { model: smaller } = await phases.part(from + i * part, from + (i + 1) * part, (onProgress) =>
        compressModel(model, { ...own, onProgress }),
      );
      const { outputError, agreement } = await fidelityTo(recorded, smaller, options);
      if (outputError === null) continue;
      sizes.push({
        reduce,
        times,
        bytes: await writtenBytes(smaller, output),
        error: outputError,
        agreement,
      });
    } catch (error) {
      // Less taken may want more memory than there is.
      if (!(error instanceof InputError)) throw error;
    }
  }
  return sizes;
}

function sameReduction({ reductions, layers }: CompressedModel, reduce: Reduction): Attempt[] {
  const taken =
    reduce === 'columns'
      ? layers.map(({ name, ratio }) => [name, ratio] as const)
      : reductions.map(({ width, from, to }) => [width, 1 - to / from] as const);
  const narrower = taken.filter(([, ratio]) => ratio > 0);
  if (narrower.length === 0) return [];
  return TIMES.map((times) => {
    const ratio = new Map(narrower.map(([name, own]) => [name, Math.min(MOST, times * own)]));
    return { reduce, times, ratio };
  });
}

/** Columns beside neurons, and the other way round; none where the model has nothing for them. */
function otherReduction(model: Model, result: CompressedModel, reduce: Reduction): Attempt[] {
  const less = 1 - result.model.parameters / model.parameters;
  if (less <= 0) return [];
  if (reduce === 'columns') {
    const widths = model.features === undefined ? [] : findWidths(model.graph).widths;
    if (widths.every(({ reason }) => reason !== undefined)) return [];
    // Of a width leave rows and columns: half as many features save about as much.
    return OTHER_TIMES.map((times) => ({
      reduce: 'neurons',
      times,
      ratio: Math.min(MOST, (times * less) / 2),
    }));
  }
  const inLayers = model.layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
  if (inLayers === 0) return [];
  return OTHER_TIMES.map((times) => ({
    reduce: 'columns',
    times,
    ratio: Math.min(MOST, (times * less * model.parameters) / inLayers),
  }));
}
