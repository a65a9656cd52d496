import type { LongRunOptions } from '../cancellation.js';
import type { PairedHits } from '../evaluation/paired-drop.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer } from '../format/model-format.js';
import { inOrder } from '../trials/in-order.js';
import type { OutputProbe } from '../trials/output-probe.js';
import type { Trials } from '../trials/trials.js';
import type { LayerCurve } from './allocate-ratios.js';
import { type Measurements, memoryMeasurements } from './measurements.js';

/** Column reduction ratios at which curves are measured by default. */
export const CURVE_RATIOS: readonly number[] = [0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98];

/** The model with one layer compressed. */
export interface MeasuredPoint {
  readonly ratio: number;
  readonly clusters: number;
  /** See `ProbeResult`. */
  readonly outputError: number;
  readonly hits: PairedHits | null;
}

/** All points of one layer. */
export interface MeasuredCurve {
  readonly layer: FcLayer;
  readonly points: readonly MeasuredPoint[];
}

/** How curves are measured. */
export interface MeasureCurvesOptions extends LongRunOptions {
  /** Default `CURVE_RATIOS`. */
  readonly ratios?: readonly number[] | undefined;
  /** What it has is not measured again. Default: nothing is kept. */
  readonly measurements?: Measurements | undefined;
  /** Ratios of a layer that are clustered at once, for clusterers that run elsewhere. Default 1. */
  readonly ahead?: number | undefined;
}

/**
 * Measures what the model loses when each of its layers alone is compressed. Progress counts points.
 *
 * @param probe of the same trials
 *
 * @example
 * const trials = await Trials.open(model);
 * const curves = await measureCurves(trials, await OutputProbe.record(trials, { data }));
 * const { ratios } = allocateRatios(lossCurves(curves), 0.25);
 * await trials.release();
 */
export async function measureCurves(
  trials: Trials,
  probe: OutputProbe,
  options: MeasureCurvesOptions = {},
): Promise<MeasuredCurve[]> {
  const { ratios = CURVE_RATIOS, measurements = memoryMeasurements(), ahead = 1, signal } = options;
  const total = ratios.length * trials.layers.length;
  let done = 0;
  const curves: MeasuredCurve[] = [];
  for (const layer of trials.layers) {
    const keyOf = (ratio: number): string => `${layer.name} ${trials.clusters(layer, ratio)}`;
    const open = new Map(
      ratios.map((ratio) => [keyOf(ratio), ratio] as const).filter(([key]) => !measurements.has(key)),
    );
    const clustered = inOrder(
      [...open.values()].map((ratio) => () => trials.cluster(new Map([[layer.name, ratio]]))),
      ahead,
    );
    const points: MeasuredPoint[] = [];
    for (const ratio of ratios) {
      const report = (): void =>
        options.onProgress?.({
          phase: 'curves',
          done,
          total,
          layer: layer.name,
          detail: `${layer.name}, ρ = ${ratio}`,
        });
      report();
      const result = await measurements.measured(keyOf(ratio), async () => {
        const next = await clustered.next();
        return probe.compare((await trials.assemble(next.value!)).model, signal);
      });
      done++;
      report();
      points.push({ ratio, clusters: trials.clusters(layer, ratio), ...result });
    }
    curves.push({ layer, points });
  }
  return curves;
}

/** Curves for allocation: the loss is the output error, a squared one, which adds up where layers err independently. */
export function lossCurves(curves: readonly MeasuredCurve[]): LayerCurve[] {
  return curves.map(({ layer, points }) => ({
    layer: layer.name,
    cost: layer.inputs * layer.outputs * spanOf(layer),
    points: points.map(({ clusters, outputError }) => ({
      ratio: 1 - clusters / layer.inputs,
      loss: outputError,
    })),
  }));
}
