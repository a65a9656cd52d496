import {
  type AssembledModel,
  assembleModel,
  type CalibrationInputs,
  type Clusterer,
  type CompressedLayer,
  type CompressLayerOptions,
  clustersForRatio,
  compressLayer,
  type FcLayer,
  type MatrixEngine,
  type Model,
  OriginalOutputs,
  type PreparedLayer,
  prepareLayer,
  selectLayers,
  splitBeforeLayers,
} from '@spherize/core';
import { boundaryInputs } from '../calibration/boundary-inputs.js';

export interface TrialOptions extends CompressLayerOptions {
  readonly model: Model;
  readonly layers: readonly FcLayer[];
  readonly clusterer: Clusterer;
  readonly engine: MatrixEngine;
  readonly sparsity: number;
  /** Bytes that one Gram matrix may take. */
  readonly memory: number;
  readonly calibration: CalibrationInputs | undefined;
  readonly signal: AbortSignal;
}

/**
 * Compressions of one model that are tried before one is written. The part of the model before the first layer that changes is cut
 * off, pruning and Gram matrices are shared, and the last clustering of each layer is kept.
 */
export class Trials {
  readonly head: Model | undefined;
  readonly tail: Model;
  readonly #options: TrialOptions;
  readonly #calibration: CalibrationInputs | undefined;
  readonly #original: OriginalOutputs;
  readonly #prepared = new Map<string, Promise<PreparedLayer>>();
  readonly #clustered = new Map<string, { k: number; layer: Promise<CompressedLayer> }>();

  private constructor(
    options: TrialOptions,
    parts: { head: Model | undefined; tail: Model },
    calibration: CalibrationInputs | undefined,
  ) {
    this.head = parts.head;
    this.tail = parts.tail;
    this.#options = options;
    this.#calibration = calibration;
    this.#original = new OriginalOutputs(parts.tail, options.engine);
  }

  static async open(options: TrialOptions): Promise<Trials> {
    const { model, layers, calibration, signal } = options;
    const parts = splitBeforeLayers(model, layers);
    return new Trials(options, parts, calibration && (await boundaryInputs(parts.head, calibration, signal)));
  }

  get layers(): readonly FcLayer[] {
    return this.#options.layers;
  }

  /** k of a layer at a ratio. */
  clusters({ inputs }: FcLayer, ratio: number): number {
    return clustersForRatio(inputs, ratio, this.#options.roundTo);
  }

  /** Clusters layers at their ratios, several at once. */
  async cluster(ratios: ReadonlyMap<string, number>): Promise<Map<string, CompressedLayer>> {
    const chosen = this.layers.filter(({ name }) => ratios.has(name));
    await this.#prepare(chosen);
    const clustered = chosen.map(
      async (layer): Promise<[string, CompressedLayer]> => [
        layer.name,
        await this.#clusterLayer(layer, ratios.get(layer.name)!),
      ],
    );
    return new Map(await Promise.all(clustered));
  }

  /** The tail with these layers clustered and, where there are inputs for it, calibrated. */
  async assemble(clustered: ReadonlyMap<string, CompressedLayer>): Promise<AssembledModel> {
    const { engine, signal } = this.#options;
    return assembleModel(this.tail, await this.#allPrepared(), clustered, {
      engine,
      signal,
      original: this.#original,
      ...(this.#calibration && { calibration: this.#calibration }),
    });
  }

  /** The whole model with these layers as they are. */
  async whole(clustered: ReadonlyMap<string, CompressedLayer>): Promise<AssembledModel> {
    const { engine, model } = this.#options;
    return assembleModel(model, await this.#allPrepared(), clustered, { engine });
  }

  async #clusterLayer(layer: FcLayer, ratio: number): Promise<CompressedLayer> {
    const k = this.clusters(layer, ratio);
    const last = this.#clustered.get(layer.name);
    if (last?.k === k) return last.layer;
    const { clusterer, algorithm, scale, seed, roundTo, signal } = this.#options;
    const made = compressLayer(await this.#prepared.get(layer.name)!, clusterer, ratio, {
      algorithm,
      scale,
      seed,
      roundTo,
      signal,
    });
    this.#clustered.set(layer.name, { k, layer: made });
    return made;
  }

  /** One after the other: each takes all processors. */
  async #prepare(layers: readonly FcLayer[]): Promise<void> {
    const { sparsity, engine, memory, signal } = this.#options;
    for (const { name } of layers) {
      const layer = selectLayers(this.tail, [name])[0]!;
      if (!this.#prepared.has(name))
        this.#prepared.set(
          name,
          prepareLayer(this.tail, layer, sparsity, engine, { memory, signal, shared: true }),
        );
      await this.#prepared.get(name);
    }
  }

  async #allPrepared(): Promise<Map<string, PreparedLayer>> {
    const all = new Map<string, PreparedLayer>();
    for (const [name, prepared] of this.#prepared) all.set(name, await prepared);
    return all;
  }
}
