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
  readonly #known = new Map<string, { read: LayerRead; targets: DenseMatrix[][] }>();
  /** How many have been asked for. */
  #taken = 0;

  /** @param reads the layers whose rows are whole, in the order in which they are going to be asked for, some of them several times */
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

  /** Keeps targets until they are not asked for any more; runs the original where they are not known yet. */
  async take(names: readonly string[]): Promise<ReadonlyMap<string, LayerTargets>> {
    const missing = names.filter((name) => !this.#known.has(name));
    if (missing.length > 0) await this.#record(missing);
    const taken = new Map(names.map((name) => [name, this.#known.get(name)!.targets]));
    this.#taken += names.length;
    const later = new Set(this.#reads.slice(this.#taken).map(({ layer }) => layer.name));
    for (const name of names) if (!later.has(name)) this.#known.delete(name);
    return taken;
  }

  /** The missing ones, and of those that come behind them as many as memory holds. */
  async #record(missing: readonly string[]): Promise<void> {
    const { memory, seed, signal } = this.#options;
    const chosen = new Set<LayerRead>();
    const bytesOf = (read: LayerRead): number =>
      read.wanted * read.layer.outputs * Float32Array.BYTES_PER_ELEMENT;
    let bytes = [...this.#known.values()].reduce((sum, { read }) => sum + bytesOf(read), 0);
    for (const read of this.#reads.slice(this.#taken)) {
      if (this.#known.has(read.layer.name) || chosen.has(read)) continue;
      bytes += bytesOf(read);
      if (bytes <= memory || missing.includes(read.layer.name)) chosen.add(read);
    }
    const products = new Map([...chosen].map((read) => [read, this.#groups(read)]));
    for (const read of chosen) this.#known.set(read.layer.name, { read, targets: [] });
    const tensors = [...chosen].map(({ tensor }) => tensor);
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
        this.#known.get(read.layer.name)!.targets.push(await this.#targets(read, rows, products.get(read)!));
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
        for (let at = 0; at < own.data.length; )
          for (const value of bias) {
            own.data[at] = own.data[at]! + value;
            at++;
          }
      targets.push(own);
    }
    return targets;
  }
}
