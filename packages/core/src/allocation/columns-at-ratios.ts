/** What a model loses when the columns of all its layers are clustered at one ratio, as a target of their error does. */
import type { LongRunOptions } from '../cancellation.js';
import type { Model } from '../format/model-format.js';
import type { OutputProbe } from '../trials/output-probe.js';
import type { Trials } from '../trials/trials.js';
import { CURVE_RATIOS } from './measure-curves.js';

/** The model with all layers of some trials at one ratio. */
export interface ColumnsPoint {
  readonly ratio: number;
  /** See `ProbeResult`. */
  readonly outputError: number;
  readonly model: Model;
}

export interface ColumnsAtRatiosOptions extends LongRunOptions {
  /** Default `CURVE_RATIOS`. */
  readonly ratios?: readonly number[] | undefined;
}

/**
 * One compression for each ratio, in their order. Progress counts ratios.
 *
 * @param probe of the same trials
 * @throws InputError as `Trials` does
 *
 * @example
 * for await (const { ratio, outputError } of columnsAtRatios(trials, await OutputProbe.record(trials))) console.log(ratio, outputError);
 */
export async function* columnsAtRatios(
  trials: Trials,
  probe: OutputProbe,
  { ratios = CURVE_RATIOS, signal, onProgress }: ColumnsAtRatiosOptions = {},
): AsyncGenerator<ColumnsPoint> {
  for (const [done, ratio] of ratios.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ phase: 'curves', done, total: ratios.length, detail: `ρ = ${ratio}` });
    const all = new Map(trials.layers.map(({ name }) => [name, ratio]));
    const tail = await trials.assemble(await trials.cluster(all));
    const { outputError } = await probe.compare(tail.model, signal);
    const { model } = await trials.whole(tail.compressed);
    yield { ratio, outputError, model };
  }
}
