import type { FcLayer, LayerCurve, PairedHits } from '@spherize/core';
import type { ClusteringPool } from '../clustering/clustering-pool.js';
import { inOrder } from '../sweep/in-order.js';
import type { ProgressBar } from '../terminal/progress.js';
import type { MeasurementCache } from './measurement-cache.js';
import type { OutputProbe } from './output-probe.js';
import type { Trials } from './trials.js';

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

export interface CurveMeasurement {
  readonly trials: Trials;
  readonly probe: OutputProbe;
  readonly cache: MeasurementCache;
  readonly ratios: readonly number[];
  readonly pool: ClusteringPool;
  readonly signal: AbortSignal;
  readonly progress: ProgressBar;
}

/** Measures what the model loses when each of its layers alone is compressed; what the cache has is not measured again. */
export async function measureCurves(options: CurveMeasurement): Promise<MeasuredCurve[]> {
  const { trials, probe, cache, ratios, pool, signal, progress } = options;
  const curves: MeasuredCurve[] = [];
  for (const layer of trials.layers) {
    const keyOf = (ratio: number): string => `${layer.name} ${trials.clusters(layer, ratio)}`;
    const open = new Map(
      ratios.map((ratio) => [keyOf(ratio), ratio] as const).filter(([key]) => !cache.has(key)),
    );
    const clustered = inOrder(
      [...open.values()].map((ratio) => () => trials.cluster(new Map([[layer.name, ratio]]))),
      pool.threads + 1,
    );
    const points: MeasuredPoint[] = [];
    for (const ratio of ratios) {
      progress.note(`${layer.name}, ρ = ${ratio}`);
      const result = await cache.measured(keyOf(ratio), async () => {
        const next = await clustered.next();
        return probe.compare((await trials.assemble(next.value!)).model, signal);
      });
      progress.advance();
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
    cost: layer.inputs * layer.outputs,
    points: points.map(({ clusters, outputError }) => ({
      ratio: 1 - clusters / layer.inputs,
      loss: outputError,
    })),
  }));
}
