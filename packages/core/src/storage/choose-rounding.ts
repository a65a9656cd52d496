/** The rounding of layers' weights by what they read: second moments of their inputs, taken while the model runs. */
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { sampleRows } from '../calibration/layer-rows.js';
import { Moments } from '../calibration/moments.js';
import type { LongRunOptions } from '../cancellation.js';
import type { ModelFeatures } from '../format/feature-flow.js';
import type { Model } from '../format/model-format.js';
import type { RoundedWeights } from '../format/weight-storage.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { columnsOf, columnsOfGroup, weightsOfGroup } from '../neurons/layer-groups.js';
import { type LayerRead, layerRead } from '../neurons/layer-reads.js';
import { observedBatches } from '../neurons/observed-batches.js';
import { compensatedSteps } from './compensated-rounding.js';
import { MOST_STEPS, roundRows, rowScales } from './rounded-rows.js';

/** Columns whose moments are taken together: of more, each run of so many makes good its own errors. The cost grows with the cube. */
const MOST_COLUMNS = 1024;
/** Rows of inputs for each of them. */
const ROWS_PER_COLUMN = 4;
/** Bytes that the moments of layers which are taken in one pass may have. */
const MEMORY = 2 ** 28;

export interface ChooseRoundingOptions extends LongRunOptions {
  readonly engine: MatrixEngine;
  readonly seed?: number | undefined;
}

/** A layer with the moments of each of its groups, run by run of its columns. */
interface RoundedLayer {
  readonly read: LayerRead;
  readonly columns: readonly Int32Array[];
  readonly moments: readonly (readonly Moments[])[];
}

/**
 * Rounds the weights of layers to whole numbers with a scale per output, such that the outputs on these inputs change little.
 *
 * @param layers names; those whose rows cannot be laid out are left out of the result
 */
export async function chooseRounding(
  model: Model,
  features: ModelFeatures,
  layers: readonly string[],
  type: keyof typeof MOST_STEPS,
  inputs: CalibrationInputs,
  options: ChooseRoundingOptions,
): Promise<ReadonlyMap<string, RoundedWeights>> {
  const { engine, seed = 0, signal, onProgress } = options;
  const wanted = new Set(layers);
  const reads = model.graph.layers
    .filter(({ name }) => wanted.has(name))
    .map((layer) => layerRead(model.graph, layer))
    .filter(({ whole }) => whole);
  const result = new Map<string, RoundedWeights>();
  let done = 0;
  for (const pass of passesOf(reads)) {
    const open = pass.map((read) => opened(read, engine));
    await observe(model, features, open, inputs, seed, signal);
    for (const own of open) {
      signal?.throwIfAborted();
      const { name } = own.read.layer;
      onProgress?.({ phase: 'rounding', layer: name, done, total: reads.length, share: done / reads.length });
      result.set(name, await rounded(own, features.weights(name).weights, type, engine));
      done++;
    }
  }
  return result;
}

/** Layers whose moments fit into memory together. */
function passesOf(reads: readonly LayerRead[]): LayerRead[][] {
  const passes: LayerRead[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const read of reads) {
    const own = 8 * read.layer.groups * read.columns * Math.min(read.columns, MOST_COLUMNS);
    if (bytes + own > MEMORY) {
      passes.push([]);
      bytes = 0;
    }
    passes.at(-1)!.push(read);
    bytes += own;
  }
  return passes;
}

function opened(read: LayerRead, engine: MatrixEngine): RoundedLayer {
  const columns: Int32Array[] = [];
  for (let from = 0; from < read.columns; from += MOST_COLUMNS) {
    const width = Math.min(MOST_COLUMNS, read.columns - from);
    columns.push(Int32Array.from({ length: width }, (_, c) => from + c));
  }
  const moments = Array.from({ length: read.layer.groups }, () =>
    columns.map(({ length }) => new Moments(length, 0, false, engine)),
  );
  return { read, columns, moments };
}

/** Runs the model once, and adds up what the layers read. */
async function observe(
  model: Model,
  features: ModelFeatures,
  layers: readonly RoundedLayer[],
  inputs: CalibrationInputs,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tensors = layers.map(({ read }) => read.tensor);
  let batch = 0;
  for await (const { feeds, found } of observedBatches(model, features, tensors, inputs, signal)) {
    const share = samplesOf(feeds) / Math.max(1, inputs.samples);
    for (const { read, columns, moments } of layers) {
      const rowsWanted = Math.ceil(ROWS_PER_COLUMN * Math.min(MOST_COLUMNS, read.columns) * share);
      const { rows } = sampleRows(found[read.tensor]!, read, rowsWanted, batch, seed);
      for (const [group, own] of moments.entries()) {
        const z = columnsOfGroup(rows, read.layer, group, read.layer.span);
        for (const [run, sums] of own.entries()) await sums.add(columnsOf(z, columns[run]!), nothing(z));
      }
    }
    batch++;
  }
}

function nothing({ rows }: DenseMatrix): DenseMatrix {
  return denseMatrix(rows, 0);
}

async function rounded(
  { read: { layer }, columns, moments }: RoundedLayer,
  weights: DenseMatrix,
  type: keyof typeof MOST_STEPS,
  engine: MatrixEngine,
): Promise<RoundedWeights> {
  const most = MOST_STEPS[type];
  const form = { rows: layer.outputs, inner: weights.data.length / layer.outputs };
  const scales = rowScales(weights.data, form, most);
  const steps = roundRows(weights.data, form, scales, most);
  for (const [group, own] of moments.entries()) {
    const matrix = weightsOfGroup(layer, weights, group);
    const first = group * matrix.rows;
    const groupScales = scales.subarray(first, first + matrix.rows);
    for (const [run, sums] of own.entries()) {
      const chosen = columns[run]!;
      const part = columnsOf(matrix, chosen);
      const found = await compensatedSteps(part, sums.centred().zz, groupScales, most, engine);
      if (found === undefined) continue;
      for (let row = 0, at = 0; row < part.rows; row++)
        for (const column of chosen) steps[(first + row) * matrix.cols + column] = found[at++]!;
    }
  }
  return { steps, scales };
}
