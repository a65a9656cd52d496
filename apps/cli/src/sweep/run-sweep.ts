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
import type { Dataset } from '../data/dataset.js';
import { importFromWorkingFolder } from '../plugins/import-module.js';
import type { ProgressBar } from '../terminal/progress.js';
import { BoundaryActivations } from './boundary-activations.js';
import type { Baseline, SweepResults, SweepRow } from './results.js';
import type { SweepSetting } from './settings.js';

export interface SweepOptions {
  /** The model's name in the results. */
  readonly name: string;
  readonly model: Model;
  readonly data: Dataset;
  readonly engine: MatrixEngine;
  /** Names of the layers to compress together; all of them when left out. */
  readonly layers?: readonly string[] | undefined;
  readonly settings: readonly SweepSetting[];
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
  const plugins = await findClusterers(settings);
  const layers = selectLayers(model, options.layers);
  const { head, tail } = model.split(
    layers.map(({ name }) => name),
    foldTargets(model, layers),
  );
  progress.note('uncompressed');
  const activations = await BoundaryActivations.record(head, tail, data, options.batch, signal);
  const outside = head ? head.parameters : 0;
  const measured = async (candidate: Model): Promise<Baseline> => {
    const { top1, top5 } = await activations.evaluate(candidate, signal);
    return { top1, top5, parameters: outside + candidate.parameters };
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
      prepared.push(await prepareLayer(tail, layer, sparsity, options.engine, { signal }));
    }
    pruned.push({ sparsity, ...(await measured(withPrunedWeights(tail, prepared))) });
    progress.advance();
    for (const setting of settings.filter((candidate) => candidate.sparsity === sparsity)) {
      const { clusterer, algorithm, ratio, seed } = setting;
      progress.note(`${clusterer} (${algorithm}), sparsity ${sparsity}, ρ = ${ratio}, seed ${seed}`);
      const started = performance.now();
      const compressed = new Map<string, CompressedLayer>();
      let error = 0;
      for (const layer of prepared) {
        const result = await compressLayer(layer, plugins.get(clusterer)!, ratio, {
          algorithm,
          seed,
          signal,
        });
        compressed.set(layer.layer.name, result);
        error += reportLayer(layer, result).relativeError / prepared.length;
      }
      const found = await measured(tail.rewrite(planRewrite(tail, compressed).rewrite));
      const seconds = (performance.now() - started) / 1000;
      rows.push({ ...setting, calibrated: false, ...found, relativeError: error, seconds });
      progress.advance();
    }
  }
  return {
    model: options.name,
    data: data.name,
    samples: data.samples,
    layers: layers.map(({ name }) => name),
    baseline,
    pruned,
    rows,
  };
}

async function findClusterers(settings: readonly SweepSetting[]): Promise<Map<string, Clusterer>> {
  const found = new Map<string, Clusterer>();
  for (const { clusterer } of settings) {
    if (!found.has(clusterer))
      found.set(clusterer, await clusterers.find(clusterer, importFromWorkingFolder));
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
