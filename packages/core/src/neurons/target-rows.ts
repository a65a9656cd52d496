/** What the original's layers give at the rows that are taken: what layers are refitted to. One run of the original serves many layers. */
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { sampleRows } from '../calibration/layer-rows.js';
import type { Model } from '../format/model-format.js';
import { type DenseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { columnsOfGroup, weightsOfGroup } from './layer-groups.js';
import type { LayerRead } from './layer-reads.js';
import { observedBatches } from './observed-batches.js';

export interface TargetRowsOptions {
  readonly engine: MatrixEngine;
  /** Bytes that targets may take. */
  readonly memory: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** By batch and group of the layer, shape `[rows, outputs / groups]`. */
export type LayerTargets = readonly (readonly DenseMatrix[])[];

export class TargetRows {
  readonly #model: Model;
  readonly #inputs: CalibrationInputs;
  readonly #reads: readonly LayerRead[];
  readonly #options: TargetRowsOptions;
  readonly #known = new Map<string, DenseMatrix[][]>();

  /** @param reads the layers whose rows are whole, in the order in which they are going to be asked for */
  constructor(
    model: Model,
    inputs: CalibrationInputs,
    reads: readonly LayerRead[],
    options: TargetRowsOptions,
  ) {
    this.#model = model;
    this.#inputs = inputs;
    this.#reads = reads;
    this.#options = options;
  }

  /** Hands targets out once; runs the original where they are not known yet. */
  async take(names: readonly string[]): Promise<ReadonlyMap<string, LayerTargets>> {
    const missing = names.filter((name) => !this.#known.has(name));
    if (missing.length > 0) await this.#record(missing);
    const taken = new Map(names.map((name) => [name, this.#known.get(name)!]));
    for (const name of names) this.#known.delete(name);
    return taken;
  }

  /** The missing ones, and of those that come behind them as many as memory holds. */
  async #record(missing: readonly string[]): Promise<void> {
    const { memory, seed, signal } = this.#options;
    const from = this.#reads.findIndex(({ layer }) => missing.includes(layer.name));
    const chosen: LayerRead[] = [];
    let bytes = 0;
    for (const read of this.#reads.slice(from)) {
      if (this.#known.has(read.layer.name)) continue;
      bytes += read.wanted * read.layer.outputs * Float32Array.BYTES_PER_ELEMENT;
      if (bytes <= memory || missing.includes(read.layer.name)) chosen.push(read);
    }
    const products = new Map(chosen.map((read) => [read, this.#groups(read)]));
    for (const { layer } of chosen) this.#known.set(layer.name, []);
    const tensors = chosen.map(({ tensor }) => tensor);
    const model = this.#model;
    let batch = 0;
    for await (const { feeds, found } of observedBatches(
      model,
      model.features!,
      tensors,
      this.#inputs,
      signal,
    )) {
      for (const read of chosen) {
        const wanted = Math.ceil(read.wanted * (samplesOf(feeds) / Math.max(1, this.#inputs.samples)));
        const { rows } = sampleRows(found[read.tensor]!, read, wanted, batch, seed);
        this.#known.get(read.layer.name)!.push(await this.#targets(read, rows, products.get(read)!));
      }
      batch++;
    }
  }

  /** Wᵀ and b of each group. */
  #groups({ layer }: LayerRead): { turned: DenseMatrix; bias: Float32Array | undefined }[] {
    const { weights, bias } = this.#model.features!.weights(layer.name);
    const outputs = layer.outputs / layer.groups;
    return Array.from({ length: layer.groups }, (_, group) => ({
      turned: transpose(weightsOfGroup(layer, weights, group)),
      bias: bias?.subarray(group * outputs, (group + 1) * outputs),
    }));
  }

  async #targets(
    { layer }: LayerRead,
    rows: DenseMatrix,
    groups: readonly { turned: DenseMatrix; bias: Float32Array | undefined }[],
  ): Promise<DenseMatrix[]> {
    const targets: DenseMatrix[] = [];
    for (const [group, { turned, bias }] of groups.entries()) {
      const own = await this.#options.engine.multiply(columnsOfGroup(rows, layer, group, layer.span), turned);
      if (bias !== undefined)
        for (let at = 0; at < own.data.length; at++) own.data[at] = own.data[at]! + bias[at % own.cols]!;
      targets.push(own);
    }
    return targets;
  }
}
