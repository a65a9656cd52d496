import type { LongRunOptions } from '../cancellation.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import { rewriteWithinStorage } from '../compression/rewrite-within-storage.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import type { CalibrationInputs } from './calibration-inputs.js';
import { LayerInputs } from './layer-inputs.js';
import { OriginalOutputs } from './original-outputs.js';
import { layerOverPatches } from './patches.js';
import { type CalibrationReport, type CalibrationRows, refitLayer } from './refit-layer.js';

export interface CalibrateModelOptions extends LongRunOptions {
  readonly engine: MatrixEngine;
  /** What the original's layers give on the same inputs, to share it between several compressions of one model. */
  readonly original?: OriginalOutputs | undefined;
}

/**
 * Refits compressed layers on unlabelled inputs, in the order of the graph, each on the activations of the network whose
 * earlier layers are already compressed and refitted (see `refitLayer`). No label is used, and no layer gets worse on the
 * rows that are held back.
 *
 * @param model the model that was compressed
 * @param compressed its compressed layers by name
 */
export async function calibrateModel(
  model: Model,
  compressed: ReadonlyMap<string, CompressedLayer>,
  inputs: CalibrationInputs,
  options: CalibrateModelOptions,
): Promise<{ compressed: Map<string, CompressedLayer>; reports: CalibrationReport[] }> {
  const { engine, signal, onProgress } = options;
  const original = options.original ?? new OriginalOutputs(model, engine);
  const layers = model.layers.filter(({ name }) => compressed.has(name));
  const refitted = new Map<string, CompressedLayer>();
  const reports: CalibrationReport[] = [];
  for (const layer of layers) {
    const reader = await LayerInputs.open(
      refitted.size > 0 ? rewriteWithinStorage(model, refitted, {}).model : model,
      layer,
      inputs.samples,
    );
    try {
      const rows = calibrationRows(layer, reader, inputs, original, signal);
      const before = compressed.get(layer.name)!;
      const { layer: after, report } = await refitLayer(
        layer.name,
        layerOverPatches(before, spanOf(layer)),
        model.bias(layer.name),
        rows,
        engine,
      );
      const { rows: height, cols } = before.centroids;
      refitted.set(layer.name, {
        ...before,
        ...(after.bias && { bias: after.bias }),
        centroids: denseMatrix(height, cols, after.centroids.data),
      });
      reports.push(report);
      onProgress?.({ phase: 'calibration', done: reports.length, total: layers.length, layer: layer.name });
    } finally {
      await reader.release();
      await original.release();
    }
  }
  return { compressed: refitted, reports };
}

async function* calibrationRows(
  layer: FcLayer,
  reader: LayerInputs,
  inputs: CalibrationInputs,
  original: OriginalOutputs,
  signal: AbortSignal | undefined,
): AsyncIterable<CalibrationRows> {
  let batch = 0;
  for await (const tensors of inputs.batches(signal)) {
    signal?.throwIfAborted();
    yield {
      inputs: await reader.read(tensors, batch),
      targets: await original.batch(layer, batch++, tensors, inputs.samples),
    };
  }
}
