/** What each kind of work takes on this machine: a model and narrower ones of its kind are timed. */
import type { LongRunOptions } from '../cancellation.js';
import { InputError } from '../errors.js';
import { compareLatency } from '../evaluation/latency.js';
import { timedInputs } from '../evaluation/whole-latency.js';
import { KINDS_OF_WORK, type LatencyModel } from '../format/latency-model.js';
import type { Model } from '../format/model-format.js';
import { selectWidths, type WidthsMeant } from '../widths/select-widths.js';
import { fitLatencyModel, type MeasuredWork } from './fit-latency-model.js';
import { workOf } from './model-work.js';
import { narrowedShape } from './narrowed-shape.js';
import { LANES } from './narrowing-path.js';

/** Shares of all widths that leave. */
const SHARES: readonly number[] = [0.25, 0.5, 0.75, 0.875];
/** Some widths alone: the first half of them, and the second. */
const PARTS: readonly ((place: number) => boolean)[] = [(place) => place < 0.5, (place) => place >= 0.5];
/** Seconds for which each pair of models is timed. */
const SECONDS = 0.5;
/** What is kept of a coefficient: more digits than times have, few enough to be read. */
const DIGITS = 4;

export interface MeasureLatencyOptions extends LongRunOptions {
  /** Names of the widths that become narrower, as `selectWidths` takes them. Default: all that can. */
  readonly layers?: readonly string[] | undefined;
  readonly widths?: WidthsMeant | undefined;
  /** Of the inputs. Default 0. */
  readonly seed?: number | undefined;
}

/**
 * Times the model beside narrower ones, in alternation, and fits what each kind of work takes; where their times do not tell, the
 * proportions of the model's own `latencyModel` stay. Two measurements are never quite the same: keep what this gives to reproduce a result.
 *
 * @throws InputError `UNSUPPORTED` for a model without features, or that does not run on made-up inputs
 */
export async function measureLatency(
  model: Model,
  { layers, widths, seed = 0, signal, onProgress }: MeasureLatencyOptions = {},
): Promise<LatencyModel> {
  const feeds = await timedInputs(model, seed);
  if (feeds === undefined)
    throw new InputError(
      'UNSUPPORTED',
      'the model does not run on made-up inputs, and cannot be timed: give its free axes lengths',
    );
  const names = selectWidths(model, layers, widths).map(({ name }) => name);
  const every = (share: number, takes = (_: number) => true): Model =>
    narrowedShape(
      model,
      new Map(names.flatMap((name, i) => (takes(i / names.length) ? [[name, share] as const] : []))),
      LANES,
    );
  const shapes = [
    ...SHARES.map((share) => () => every(share)),
    ...PARTS.map((takes) => () => every(0.5, takes)),
  ];
  const samples: MeasuredWork[] = [];
  const whole = { work: await workOf(model, feeds), times: [] as number[] };
  const original = await model.session();
  try {
    for (const [done, shape] of shapes.entries()) {
      onProgress?.({ phase: 'timing', done, total: shapes.length, share: done / shapes.length });
      const narrower = shape();
      const session = await narrower.session();
      try {
        const { before, after } = await compareLatency(
          { session: original, inputs: feeds },
          { session, inputs: feeds },
          SECONDS,
          signal,
        );
        whole.times.push(before.median);
        samples.push({ work: await workOf(narrower, feeds), ms: after.median });
      } finally {
        await session.release();
      }
    }
  } finally {
    await original.release();
  }
  // The whole model was timed every time: its quietest time is that of a machine with nothing else to do.
  samples.push({ work: whole.work, ms: Math.min(...whole.times) });
  const fitted = fitLatencyModel(samples, model.latencyModel);
  return Object.fromEntries(
    KINDS_OF_WORK.map((kind) => [kind, Number(fitted[kind].toPrecision(DIGITS))]),
  ) as LatencyModel;
}
