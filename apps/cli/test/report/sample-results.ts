import type { SweepResults } from '@spherize/core/sweep';

/** Tries to get out of everything that it is put into. */
export const HOSTILE = `</script><script>window.broken=1</script>"><img src=x onerror=window.broken=2>'&`;

/** Results as a sweep with `--latency` gives them, with the names of models and layers as their authors chose them. */
export function sampleResults(layerName = 'fc7'): SweepResults {
  const layers = ['fc6', layerName];
  const row = (clusterer: string, ratio: number, sparsity: number, seed: number) => {
    const top1 = 0.9 - ratio * (clusterer === 'kmeans' ? 0.6 : 0.4) - sparsity / 10 + seed / 100;
    const parameters = Math.round(1e6 * (1 - ratio));
    return {
      clusterer,
      algorithm: 'lloyd' as const,
      sparsity,
      ratio,
      seed,
      calibrated: false,
      top1,
      top5: 0.99,
      parameters,
      bytes: 1000 + 4 * parameters,
      relativeError: ratio,
      layers: layers.map((name, i) => ({ name, clusters: 10, ratio, relativeError: ratio + i / 10 })),
      latency: { medianMs: 3 - 2 * ratio, quartilesMs: [2, 4] as const, uncompressedMs: 3, runs: 20 },
      seconds: 1,
    };
  };
  const baseline = { top1: 0.9, top5: 0.99, parameters: 1e6, bytes: 4_001_000 };
  return {
    model: `model ${layerName}`,
    data: 'data',
    samples: 500,
    versions: { spherize: '1.2.3' },
    layers,
    baseline,
    pruned: [0, 0.9].map((sparsity) => ({ sparsity, ...baseline, top1: 0.9 - sparsity / 10 })),
    rows: [0, 0.9].flatMap((sparsity) =>
      ['kmeans', 'spherical'].flatMap((clusterer) =>
        [0.5, 0.7, 0.9].flatMap((ratio) => [0, 1].map((seed) => row(clusterer, ratio, sparsity, seed))),
      ),
    ),
  };
}
