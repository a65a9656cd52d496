/** What a model loses when the columns of all its layers are clustered at one ratio. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import { fidelityTo, recordOutputs } from '../evaluation/output-fidelity.js';
import type { Model } from '../format/model-format.js';
import type { AssembledModel } from '../pipeline/assemble-model.js';
import { requireRunnable } from '../proof/compare-models.js';
import type { Trials } from '../trials/trials.js';
import { CURVE_RATIOS } from './measure-curves.js';

/** The model with all layers of some trials at one ratio. */
export interface ColumnsPoint {
  readonly ratio: number;
  /** See `OutputFidelity`. */
  readonly outputError: number;
  readonly model: Model;
}

export interface ColumnsAtRatiosOptions extends LongRunOptions {
  /** Inputs on which outputs are compared: better others than those of the refit. */
  readonly inputs: CalibrationInputs;
  /** Default `CURVE_RATIOS`. */
  readonly ratios?: readonly number[] | undefined;
}

/**
 * One compression for each ratio, in their order, as `columnsToError` tries them. Progress counts ratios.
 *
 * @throws InputError as `Trials` and `recordOutputs` do
 *
 * @example
 * for await (const { ratio, outputError } of columnsAtRatios(trials, { inputs })) console.log(ratio, outputError);
 */
export async function* columnsAtRatios(
  trials: Trials,
  { inputs, ratios = CURVE_RATIOS, signal, onProgress }: ColumnsAtRatiosOptions,
): AsyncGenerator<ColumnsPoint> {
  await requireRunnable(trials.model);
  const recorded = await recordOutputs(trials.model, inputs, { signal });
  for (const [done, ratio] of ratios.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ phase: 'curves', done, total: ratios.length, detail: `ρ = ${ratio}` });
    const { model } = (await columnsAt(trials, ratio)).whole;
    yield { ratio, model, outputError: (await fidelityTo(recorded, model, { signal })).outputError ?? 0 };
  }
}

/** All layers at one ratio, refitted. */
export async function columnsAt(
  trials: Trials,
  ratio: number,
): Promise<{ tail: AssembledModel; whole: AssembledModel }> {
  const ratios = new Map(trials.layers.map(({ name }) => [name, ratio]));
  const tail = await trials.assemble(await trials.cluster(ratios));
  return { tail, whole: await trials.whole(tail.compressed) };
}
