import {
  type Clusterer,
  type CompressedLayer,
  clusterers,
  compressLayer,
  type FcLayer,
  type MatrixEngine,
  type Model,
  type PreparedLayer,
  planFold,
  planRewrite,
  prepareLayer,
  reportLayer,
  selectLayers,
} from '@spherize/core';
import { ClusteringPool } from '../clustering/clustering-pool.js';
import type { Dataset } from '../data/dataset.js';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import type { ProgressBar } from '../terminal/progress.js';
import { BoundaryActivations } from './boundary-activations.js';
import { inOrder } from './in-order.js';
import type { Baseline, SweepResults, SweepRow } from './results.js';
import type { SweepSetting } from './settings.js';

export interface SweepOptions {
  /** The model's name in the results. */
  readonly name: string;
  readonly model: Model;
  readonly data: Dataset;
  readonly engine: MatrixEngine;
  /** Threads that cluster; default: as many as there are processors. */
  readonly threads?: number | undefined;
  /** Names of the layers to compress together; all of them when left out. */
  readonly layers?: readonly string[] | undefined;
  readonly settings: readonly SweepSetting[];
  /** Bytes that one Gram matrix may take. */
  readonly memory?: number | undefined;
  /** Samples at a time. */
  readonly batch: number;
  readonly signal: AbortSignal;
  readonly progress: ProgressBar;
}

/** Units of progress of a sweep: the uncompressed model, each sparsity, each setting. */
export function sweepWork(settings: readonly SweepSetting[]): number {
  return 1 + new Set(settings.map(({ sparsity }) => sparsity)).size + settings.length;
}

/**
 * Measures the accuracy of a model at every setting. The layers before the first compressed one run once; pruning and Gram
 * matrices are shared by all settings of one sparsity.
 */
export async function runSweep(options: SweepOptions): Promise<SweepResults> {
  const { model, data, signal, progress, settings } = options;
  const layers = selectLayers(model, options.layers);
  const { head, tail } = model.split(
    layers.map(({ name }) => name),
    foldTargets(model, layers),
  );
  const pool = new ClusteringPool(options.threads);
  try {
    const plugins = await findClusterers(settings, pool);
    progress.note('uncompressed');
    const activations = await BoundaryActivations.record(head, tail, data, options.batch, signal);
    const measured = async (candidate: Model): Promise<Baseline> => {
      const { top1, top5 } = await activations.evaluate(candidate, signal);
      return { top1, top5, parameters: (head?.parameters ?? 0) + candidate.parameters };
    };
    const baseline = await measured(tail);
    progress.advance();
    const pruned: (Baseline & { sparsity: number })[] = [];
    const rows: SweepRow[] = [];
    for (const sparsity of new Set(settings.map((setting) => setting.sparsity))) {
      progress.note(`preparing sparsity ${sparsity}`);
      const prepared: PreparedLayer[] = [];
      for (const { name } of layers) {
        const layer = selectLayers(tail, [name])[0]!;
        prepared.push(
          await prepareLayer(tail, layer, sparsity, options.engine, { signal, memory: options.memory }),
        );
      }
      const tasks = settings
        .filter((setting) => setting.sparsity === sparsity)
        .map((setting) => () => compressAt(setting, prepared, plugins.get(setting.clusterer)!, signal));
      const compressions = inOrder(tasks, pool.threads + 1);
      // The first clusterings run while the pruned model is measured.
      const first = compressions.next();
      first.catch(() => {});
      pruned.push({ sparsity, ...(await measured(withPrunedWeights(tail, prepared))) });
      progress.advance();
      for (let next = await first; !next.done; next = await compressions.next()) {
        const { setting, compressed, relativeError, seconds } = next.value;
        const { clusterer, algorithm, ratio, seed } = setting;
        progress.note(`${clusterer} (${algorithm}), sparsity ${sparsity}, ρ = ${ratio}, seed ${seed}`);
        const started = performance.now();
        const found = await measured(tail.rewrite(planRewrite(tail, compressed).rewrite));
        const evaluating = (performance.now() - started) / 1000;
        rows.push({ ...setting, calibrated: false, ...found, relativeError, seconds: seconds + evaluating });
        progress.advance();
      }
    }
    const names = layers.map(({ name }) => name);
    return {
      model: options.name,
      data: data.name,
      samples: data.samples,
      layers: names,
      baseline,
      pruned,
      rows,
    };
  } finally {
    await pool.close();
  }
}

/** A setting with its layers clustered. */
interface Compression {
  readonly setting: SweepSetting;
  readonly compressed: ReadonlyMap<string, CompressedLayer>;
  /** Mean over the layers. */
  readonly relativeError: number;
  /** Time from the first clustering's start to the last one's end. */
  readonly seconds: number;
}

async function compressAt(
  setting: SweepSetting,
  prepared: readonly PreparedLayer[],
  clusterer: Clusterer,
  signal: AbortSignal,
): Promise<Compression> {
  const { algorithm, ratio, seed } = setting;
  const started = performance.now();
  const results = await Promise.all(
    prepared.map((layer) => compressLayer(layer, clusterer, ratio, { algorithm, seed, signal })),
  );
  const errors = prepared.map((layer, i) => reportLayer(layer, results[i]!).relativeError);
  return {
    setting,
    compressed: new Map(prepared.map(({ layer }, i) => [layer.name, results[i]!])),
    relativeError: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    seconds: (performance.now() - started) / 1000,
  };
}

async function findClusterers(
  settings: readonly SweepSetting[],
  pool: ClusteringPool,
): Promise<Map<string, Clusterer>> {
  const found = new Map<string, Clusterer>();
  for (const { clusterer } of settings) {
    if (found.has(clusterer)) continue;
    found.set(
      clusterer,
      pool.clusterer(clusterer, await clusterers.find(clusterer, importFromWorkingFolder)),
    );
  }
  return found;
}

/** What the layers fold into: it has to stay on their side of the cut. */
function foldTargets(model: Model, layers: readonly FcLayer[]): string[] {
  return layers.flatMap((layer) => {
    const { scaleInto, orderInto, steps } = planFold(model.graph, layer.input, layer.inputs);
    return [scaleInto, orderInto, ...steps.map(({ operation }) => operation)].filter((name) => name !== null);
  });
}

function withPrunedWeights(model: Model, prepared: readonly PreparedLayer[]): Model {
  const layers = prepared
    .filter(({ layer, weights }) => weights !== model.weights(layer.name))
    .map(({ layer, weights }) => ({
      layer: layer.name,
      weights,
      bias: model.bias(layer.name) ?? null,
      input: null,
    }));
  return model.rewrite({ layers, features: [] });
}
