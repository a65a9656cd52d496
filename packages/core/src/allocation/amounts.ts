/** What of a model is to become less. */

import { InputError } from '../errors.js';
import { timedInputs } from '../evaluation/whole-latency.js';
import { type LatencyModel, predictedMs } from '../format/latency-model.js';
import type { Model } from '../format/model-format.js';
import type { Width } from '../widths/find-widths.js';
import { type AmountOf, LEAST } from './allocate-widths.js';
import { workOf } from './model-work.js';
import { narrowedShape } from './narrowed-shape.js';
import type { NarrowTarget } from './narrowing-path.js';

export interface AmountOptions {
  /** What each kind of work takes. Default: the model's own `latencyModel`. */
  readonly latencyModel?: LatencyModel | undefined;
  /** Of the inputs on which the model's work is counted. Default 0. */
  readonly seed?: number | undefined;
  /** Every block of a width keeps a multiple of this many features. Default 1. */
  readonly roundTo?: number | undefined;
}

/** Something that is to become less. */
export interface Amount {
  readonly of: AmountOf;
  /** What each weight of a layer takes of it that computes one product per sample. */
  readonly perWeight: number;
}

/** What a target names, else parameters and time alike. @param widths those that become narrower */
export async function amountsOf(
  model: Model,
  target: NarrowTarget,
  widths: readonly Width[],
  options: AmountOptions,
): Promise<Amount[]> {
  const parameters: Amount = { of: async (own) => own.parameters, perWeight: 1 };
  if ('size' in target) return [parameters];
  const { latencyModel = model.latencyModel } = options;
  const ms = latencyModel ? (latencyModel.multiplies + latencyModel.weights) / 1e6 : Number.NaN;
  if ('speedup' in target) {
    const { amountOf, counts } = await speedAmount(model, target.speedup, widths, options);
    return [{ of: amountOf, perWeight: counts === 'milliseconds' ? ms : 1 }];
  }
  const time = await timeOf(model, options);
  if (time !== undefined) return [parameters, { of: time, perWeight: ms }];
  const macs = await multiplyAccumulatesOf(model);
  return macs === undefined ? [parameters] : [parameters, { of: macs, perWeight: 1 }];
}

/** What stands for a model's time. */
export interface SpeedAmount {
  readonly amountOf: AmountOf;
  readonly counts: 'milliseconds' | 'multiply-accumulates';
}

/**
 * Milliseconds by the latency model where the narrowest widths are fast enough by it: what takes the same at any width, such as starting
 * operations, is most of a tiny model. Else multiply-accumulates.
 *
 * @throws InputError `UNSUPPORTED` where neither are known
 */
export async function speedAmount(
  model: Model,
  speedup: number,
  widths: readonly Width[],
  options: AmountOptions,
): Promise<SpeedAmount> {
  const time = await timeOf(model, options);
  if (time !== undefined) {
    const most = new Map(widths.map(({ name }) => [name, 1 - LEAST]));
    const narrowest = narrowedShape(model, most, options.roundTo);
    if ((await time(narrowest)) * speedup <= (await time(model)))
      return { amountOf: time, counts: 'milliseconds' };
  }
  const macs = await multiplyAccumulatesOf(model);
  if (macs !== undefined) return { amountOf: macs, counts: 'multiply-accumulates' };
  throw new InputError(
    'UNSUPPORTED',
    'neither the time nor the multiply-accumulates of this model can be told: give its free axes lengths, or another target',
    { option: 'speedup' },
  );
}

/** Milliseconds that one sample takes by the latency model. Nothing is timed: the same model takes the same everywhere. */
export async function timeOf(
  model: Model,
  { latencyModel = model.latencyModel, seed = 0 }: AmountOptions,
): Promise<AmountOf | undefined> {
  const feeds = model.features && latencyModel && (await timedInputs(model, seed));
  if (feeds === undefined) return undefined;
  const ms: AmountOf = async (own) => predictedMs(await workOf(own, feeds), latencyModel!);
  // What does not run on made-up inputs tells no sizes.
  const whole = await ms(model).catch(() => 0);
  return whole > 0 ? ms : undefined;
}

async function multiplyAccumulatesOf(model: Model): Promise<AmountOf | undefined> {
  const macs: AmountOf = async (own) => (await own.multiplyAccumulates?.()) ?? Number.NaN;
  return (await macs(model)) > 0 ? macs : undefined;
}
