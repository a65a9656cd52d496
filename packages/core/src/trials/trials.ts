import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { OriginalOutputs } from '../calibration/original-outputs.js';
import type { Clusterer } from '../clustering/clusterer.js';
import { rankOne } from '../clustering/rank-one.js';
import { clustersOfLayer } from '../compression/column-reduction.js';
import type { CompressedLayer } from '../compression/compressed-layer.js';
import { splitBeforeLayers } from '../compression/split-before-layers.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { offering, selectLayers } from '../format/select-layers.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { type AssembledModel, assembleModel } from '../pipeline/assemble-model.js';
import { type ClusterLayerOptions, clusterLayer } from '../pipeline/cluster-layer.js';
import { openEngine } from '../pipeline/open-engine.js';
import { type PreparedLayer, prepareLayer } from '../pipeline/prepare-layer.js';
import { boundaryInputs } from './boundary-inputs.js';

/** How layers are clustered in a trial. */
export interface TrialMethod extends ClusterLayerOptions {
  /** Default `rankOne`. */
  readonly clusterer?: Clusterer | undefined;
}

/** What all trials of a model share. */
export interface TrialOptions extends TrialMethod {
  /** Names of the layers to compress. Default: all of them. */
  readonly layers?: readonly string[] | undefined;
  /** Default: the engine of the model's format, or else the portable one. */
  readonly engine?: MatrixEngine | undefined;
  /** Share of zeros to which each layer is pruned first. Default 0: as the model is. */
  readonly sparsity?: number | undefined;
  /** Bytes that one Gram matrix may take. Default: no limit. */
  readonly memory?: number | undefined;
  /** Unlabelled inputs on which trials are refitted. Default: none. */
  readonly calibration?: CalibrationInputs | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What does not depend on the sparsity. */
interface Cut {
  readonly model: Model;
  readonly head: Model | undefined;
  readonly tail: Model;
  readonly engine: MatrixEngine;
  readonly release: () => Promise<void>;
  readonly calibration: CalibrationInputs | undefined;
  readonly original: OriginalOutputs;
}

/**
 * Compressions of one model that are tried before one is kept. The part of the model before the first layer that changes is cut
 * off, pruning and Gram matrices are shared, and the last clustering of each layer is kept.
 *
 * @example
 * const trials = await Trials.open(model, { seed: 1 });
 * const { model: smaller } = await trials.whole(await trials.cluster(new Map([['fc6', 0.7]])));
 * await trials.release();
 */
export class Trials {
  /** The layers that are compressed, in the order of the graph. */
  readonly layers: readonly FcLayer[];
  readonly #cut: Cut;
  readonly #options: TrialOptions;
  readonly #prepared = new Map<string, Promise<PreparedLayer>>();
  readonly #clustered = new Map<
    string,
    { readonly k: number; readonly method: TrialMethod; readonly layer: Promise<CompressedLayer> }
  >();

  private constructor(layers: readonly FcLayer[], cut: Cut, options: TrialOptions) {
    this.layers = layers;
    this.#cut = cut;
    this.#options = options;
  }

  /** @throws InputError as `selectLayers` does */
  static async open(source: Model, options: TrialOptions = {}): Promise<Trials> {
    const layers = selectLayers(source, options.layers);
    const model = offering(source, layers);
    const { head, tail } = splitBeforeLayers(model, layers);
    const calibration =
      options.calibration && (await boundaryInputs(head, options.calibration, options.signal));
    const { engine, release } = await openEngine(model, options.engine);
    const original = new OriginalOutputs(tail, engine);
    return new Trials(layers, { model, head, tail, engine, release, calibration, original }, options);
  }

  /** The whole model as it came. */
  get model(): Model {
    return this.#cut.model;
  }

  /** What precedes the layers and what they fold into; undefined when nothing does. */
  get head(): Model | undefined {
    return this.#cut.head;
  }

  /** The rest of the model, with all of the layers. */
  get tail(): Model {
    return this.#cut.tail;
  }

  /** The engine that multiplies. */
  get engine(): MatrixEngine {
    return this.#cut.engine;
  }

  /** The inputs on which trials are refitted, where there are any. */
  get calibration(): CalibrationInputs | undefined {
    return this.#options.calibration;
  }

  /** The same trials at another sparsity: cut and calibration are shared, and nothing is prepared. */
  atSparsity(sparsity: number): Trials {
    return new Trials(this.layers, this.#cut, { ...this.#options, sparsity });
  }

  /** k of a layer at a ratio. */
  clusters(layer: FcLayer, ratio: number): number {
    return clustersOfLayer(layer, ratio, this.#options.roundTo);
  }

  /** All layers pruned and with their Gram matrices, in order; computed once. */
  async prepare(): Promise<PreparedLayer[]> {
    await this.#prepare(this.layers);
    return Promise.all(this.layers.map(({ name }) => this.#prepared.get(name)!));
  }

  /**
   * Clusters layers at their ratios, several at once.
   *
   * @param ratios by layer; the others stay as they are
   * @param method default: the options that the trials were opened with
   */
  async cluster(
    ratios: ReadonlyMap<string, number>,
    method: TrialMethod = this.#options,
  ): Promise<Map<string, CompressedLayer>> {
    const chosen = this.layers.filter(({ name }) => ratios.has(name));
    await this.#prepare(chosen);
    const clustered = chosen.map(
      async (layer): Promise<[string, CompressedLayer]> => [
        layer.name,
        await this.#clusterLayer(layer, ratios.get(layer.name)!, method),
      ],
    );
    return new Map(await Promise.all(clustered));
  }

  /**
   * The tail with these layers clustered.
   *
   * @param calibrated whether they are refitted where there are inputs for it. Default yes
   */
  async assemble(
    clustered: ReadonlyMap<string, CompressedLayer>,
    calibrated = true,
  ): Promise<AssembledModel> {
    const { tail, engine, original, calibration } = this.#cut;
    return assembleModel(tail, await this.#allPrepared(), clustered, {
      engine,
      signal: this.#options.signal,
      original,
      ...(calibrated && { calibration }),
    });
  }

  /** The whole model with these layers as they are. */
  async whole(clustered: ReadonlyMap<string, CompressedLayer>): Promise<AssembledModel> {
    const { model, engine } = this.#cut;
    return assembleModel(model, await this.#allPrepared(), clustered, { engine });
  }

  /** The tail with all layers pruned and not clustered. */
  async prunedTail(): Promise<Model> {
    const { tail } = this.#cut;
    const layers = (await this.prepare())
      .filter(({ layer, weights }) => weights !== tail.weights(layer.name))
      .map(({ layer, weights }) => ({
        layer: layer.name,
        weights,
        bias: tail.bias(layer.name) ?? null,
        input: null,
      }));
    return tail.rewrite({ layers, features: [] });
  }

  /** Frees the engine, where the trials opened it. */
  release(): Promise<void> {
    return this.#cut.release();
  }

  async #clusterLayer(layer: FcLayer, ratio: number, method: TrialMethod): Promise<CompressedLayer> {
    const { clusterer = rankOne, roundTo } = method;
    const k = clustersOfLayer(layer, ratio, roundTo);
    const last = this.#clustered.get(layer.name);
    if (last?.k === k && last.method === method) return last.layer;
    const { seed } = method;
    const { signal } = this.#options;
    const prepared = await this.#prepared.get(layer.name)!;
    const made = clusterLayer(prepared, clusterer, ratio, { seed, roundTo, signal });
    this.#clustered.set(layer.name, { k, method, layer: made });
    return made;
  }

  /** One after the other: each takes all processors. */
  async #prepare(layers: readonly FcLayer[]): Promise<void> {
    const { sparsity = 0, memory, signal } = this.#options;
    const { tail, engine } = this.#cut;
    for (const { name } of layers) {
      const layer = selectLayers(tail, [name])[0]!;
      if (!this.#prepared.has(name))
        this.#prepared.set(
          name,
          prepareLayer(tail, layer, sparsity, engine, { memory, signal, shared: true }),
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
