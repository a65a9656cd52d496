import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { Clusterer } from '../clustering/clusterer.js';
import { evaluateModel } from '../evaluation/evaluate-model.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { bytesPerWeight } from '../format/bytes-per-weight.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { compressModel } from '../pipeline/compress-model.js';
import { type Baseline, methodName } from './results.js';
import type { SweepSetting } from './settings.js';
import type { SweepRecord } from './sweep-record.js';
import { withMethod } from './with-method.js';

/** What settings that reduce widths need of a sweep. */
export interface WidthSweep {
  readonly data: LabelledData;
  readonly clusterers: ReadonlyMap<string, Clusterer>;
  readonly layers: readonly string[] | undefined;
  readonly calibration: CalibrationInputs | undefined;
  readonly engine: MatrixEngine | undefined;
  readonly bytes: number | undefined;
  readonly batch: number | undefined;
  readonly record: SweepRecord;
  readonly signal: AbortSignal | undefined;
  readonly note: (detail: string, reached?: number) => void;
}

/** Measures settings whose widths become narrower, each on the whole model: nothing of it is the same for all. */
export async function runWidthSweep(
  model: Model,
  tasks: readonly { readonly index: number; readonly setting: SweepSetting }[],
  { data, clusterers, layers, calibration, engine, bytes, batch, record, signal, note }: WidthSweep,
): Promise<void> {
  const measured = async (candidate: Model): Promise<Baseline> => {
    const { top1, top5 } = await evaluateModel(candidate, data, { batch, signal });
    const { parameters } = candidate;
    if (bytes === undefined) return { top1, top5, parameters };
    return { top1, top5, parameters, bytes: bytes - (model.parameters - parameters) * bytesPerWeight(model) };
  };
  note('uncompressed');
  if (!record.content.baseline) await record.add({ kind: 'baseline', baseline: await measured(model) });
  const { baseline } = record.content;
  if (!record.content.pruned.has(0)) await record.add({ kind: 'pruned', sparsity: 0, baseline: baseline! });
  for (const { index, setting } of tasks) {
    const { reduce, ratio, seed, calibrated, clusterer } = setting;
    note(`${methodName(setting)}, ρ = ${ratio}, seed ${seed}`);
    const started = performance.now();
    const { model: smaller, reductions } = await compressModel(model, {
      reduce,
      ratio,
      seed,
      layers,
      engine,
      clusterer: withMethod(clusterers.get(clusterer)!, setting),
      calibration: (calibrated && calibration) || 'none',
      prove: false,
      signal,
    });
    const row = {
      ...setting,
      ...(await measured(smaller)),
      reductions,
      seconds: (performance.now() - started) / 1000,
    };
    await record.add({ kind: 'row', setting: index, row });
    note(`${methodName(setting)}, ρ = ${ratio}, seed ${seed}`, 1);
  }
}
