/** What of a model is to become less. */

import { InputError } from '../errors.js';
import { timedInputs } from '../evaluation/whole-latency.js';
import { type LatencyModel, predictedMs } from '../format/latency-model.js';
import type { Model } from '../format/model-format.js';
import type { AmountOf } from './allocate-widths.js';
import { workOf } from './model-work.js';
import type { NarrowTarget } from './narrowing-path.js';

export interface AmountOptions {
  /** What each kind of work takes. Default: the model's own `latencyModel`. */
  readonly latencyModel?: LatencyModel | undefined;
  /** Of the inputs on which the model's work is counted. Default 0. */
  readonly seed?: number | undefined;
}

/**
 * What a target names, else parameters and time alike.
 *
 * @throws InputError `UNSUPPORTED` for a speedup where neither times nor multiply-accumulates are known
 */
export async function amountsOf(
  model: Model,
  target: NarrowTarget,
  options: AmountOptions,
): Promise<AmountOf[]> {
  const parameters: AmountOf = async (own) => own.parameters;
  if ('size' in target) return [parameters];
  const time = await timeOf(model, options);
  if (!('speedup' in target)) return time === undefined ? [parameters] : [parameters, time];
  if (time !== undefined) return [time];
  throw new InputError(
    'UNSUPPORTED',
    'neither the time nor the multiply-accumulates of this model can be told: give its free axes lengths, or another target',
    { option: 'speedup' },
  );
}

/**
 * How long one sample takes in a model or a smaller one, in milliseconds by the latency model, else in multiply-accumulates; undefined where neither is
 * known. Nothing is timed: the same model takes the same everywhere.
 */
export async function timeOf(
  model: Model,
  { latencyModel = model.latencyModel, seed = 0 }: AmountOptions,
): Promise<AmountOf | undefined> {
  const feeds = model.features && latencyModel && (await timedInputs(model, seed));
  if (feeds !== undefined) {
    const ms: AmountOf = async (own) => predictedMs(await workOf(own, feeds), latencyModel!);
    // What does not run on made-up inputs tells no sizes.
    const whole = await ms(model).catch(() => 0);
    if (whole > 0) return ms;
  }
  const macs: AmountOf = async (own) => (await own.multiplyAccumulates?.()) ?? Number.NaN;
  return (await macs(model)) > 0 ? macs : undefined;
}
