/** A LayersModel in memory, as core sees it. */
import {
  checkRewrite,
  type DenseMatrix,
  type ElementType,
  type FcLayer,
  type FeatureGraph,
  type LatencyModel,
  type MatrixEngine,
  type Model,
  type ModelConvolutions,
  type ModelFeatures,
  type ModelRewrite,
  type ModelSession,
  type SkippedLayer,
  type StorageRounding,
  type TensorInfo,
  type WeightStorage,
} from '@spherize/core';
import type { Artifacts } from '../artifacts/artifacts.js';
import { count, type Json } from '../artifacts/json.js';
import { bytesPerValue, exactWeights, roundingOf } from '../artifacts/storage.js';
import { storeWeights } from '../artifacts/store-weights.js';
import { parametersOf, type Weights } from '../artifacts/weights.js';
import type { Host } from '../host.js';
import { LATENCY_MODEL } from '../latency-model.js';
import { blockOrder } from './cluster-blocks.js';
import { composeTopology } from './compose-topology.js';
import type { DenseLayer } from './fc-layers.js';
import { type LayerGraph, parseLayerGraph, type TensorRef, tensorName } from './layer-graph.js';
import { kernelWeights } from './layer-kernels.js';
import { LayersModelFacts } from './layers-model-facts.js';
import { mostClusters } from './most-clusters.js';
import { multiplyAccumulates } from './multiply-accumulates.js';
import { narrowLayersModel } from './narrow-layers-model.js';
import { activationAfter, canResume, observeLayersModel } from './observe-layers-model.js';
import { rewriteLayersModel } from './rewrite-layers-model.js';
import { separablesApart } from './separable-layers.js';
import { startLayersSession } from './session.js';
import { type ModelPart, splitLayersModel } from './split-layers-model.js';
import { storedStatistics } from './stored-statistics.js';
import { tableEntries } from './table-entries.js';

export class LayersModel implements Model {
  readonly artifacts: Artifacts;
  readonly #host: Host;
  readonly #facts: LayersModelFacts;
  /** See `mostClusters`; of the model as it was opened, as a part of it has other surroundings. */
  readonly #most: ReadonlyMap<string, number>;
  readonly #offered: ReadonlySet<string>;
  #apart: LayersModelFacts | undefined;

  /**
   * @param graph the layers of the artifacts, when they are at hand
   * @param most the numbers of clusters that are worth it, when they are decided
   * @param offered names of convolutions that are layers of the model
   */
  constructor(
    artifacts: Artifacts,
    host: Host,
    graph: LayerGraph = parseLayerGraph(artifacts.topology),
    most?: ReadonlyMap<string, number>,
    offered: ReadonlySet<string> = new Set(),
  ) {
    this.artifacts = artifacts;
    this.#host = host;
    this.#offered = offered;
    this.#facts = new LayersModelFacts(graph, artifacts.weights, offered);
    this.#most = most ?? mostClusters(this.#factsApart());
    this.layers = this.#priced(this.#facts.layers);
  }

  readonly layers: readonly FcLayer[];

  get convolutions(): ModelConvolutions {
    return {
      layers: this.#priced(this.#factsApart().convolutions),
      offer: (names) => this.#offering(new Set([...this.#offered, ...names])),
    };
  }

  readonly layout: typeof blockOrder = blockOrder;

  get skipped(): readonly SkippedLayer[] {
    return this.#facts.skipped;
  }

  get inputs(): readonly TensorInfo[] {
    const defs = new Map(this.#facts.graph.layers.map((def) => [def.name, def]));
    return unique(this.#facts.graph.inputs).map((ref) => {
      const config = defs.get(ref.layer)?.config ?? {};
      const declared = Array.isArray(config.batch_input_shape) ? config.batch_input_shape : [];
      const shape = declared.map((size) => count(size));
      const type = elementType(config.dtype);
      const entries = tableEntries(this.#facts.graph, ref);
      return {
        name: tensorName(ref),
        shape,
        ...(type === 'float32' ? {} : { type }),
        ...(entries === undefined ? {} : { entries }),
      };
    });
  }

  get outputs(): readonly TensorInfo[] {
    return unique(this.#facts.graph.outputs).map((ref) => {
      const name = tensorName(ref);
      return { name, shape: this.#facts.shapeOf(name) ?? [undefined] };
    });
  }

  get graph(): FeatureGraph {
    return this.#facts.features;
  }

  get features(): ModelFeatures {
    const facts = this.#facts;
    return {
      weights: (layer) => kernelWeights(facts.features.kernel(layer)),
      get statistics() {
        return storedStatistics(facts);
      },
      // Other numbers of clusters are worth it in a narrower model.
      narrow: (narrowing) => this.#part(narrowLayersModel(facts, facts.features, narrowing), undefined),
      resumes: canResume(facts),
      resumesWithin: (tensor) => activationAfter(facts.features, tensor) !== undefined,
      observe: (tensors, given) =>
        this.#part(observeLayersModel(facts, facts.features, tensors, given), this.#most),
    };
  }

  get parameters(): number {
    return parametersOf(this.artifacts.weights);
  }

  get latencyModel(): LatencyModel {
    return LATENCY_MODEL;
  }

  get bytesPerWeight(): number {
    return bytesPerValue(this.#facts.layers.map(({ kernel }) => this.artifacts.weights.get(kernel)!));
  }

  get storage(): WeightStorage {
    return {
      store: (type) => {
        const { weights, floats, report } = storeWeights(this.artifacts.weights, type);
        return { model: this.#withWeights(weights), floats: this.#withWeights(floats), report };
      },
    };
  }

  get rounding(): StorageRounding | undefined {
    const { weights } = this.artifacts;
    const rounding = roundingOf(weights);
    return rounding && { ...rounding, exact: this.#withWeights(exactWeights(weights)) };
  }

  weights(layer: string): DenseMatrix {
    return this.#facts.weightsOf(layer);
  }

  bias(layer: string): Float32Array | undefined {
    return this.#facts.biasOf(layer);
  }

  rewrite(rewrite: ModelRewrite): Model {
    const widths = checkRewrite(this, rewrite);
    if (rewrite.layers.length === 0 && rewrite.features.length === 0) return this;
    return this.#part(rewriteLayersModel(this.#facts, rewrite, widths), this.#most);
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const parts = splitLayersModel(this.#facts, [...layers, ...also]);
    if (parts === undefined) return { head: undefined, tail: this };
    return { head: this.#part(parts.head, this.#most), tail: this.#part(parts.tail, this.#most) };
  }

  async multiplyAccumulates(inputs: readonly TensorInfo[] = this.inputs): Promise<number | undefined> {
    return multiplyAccumulates(this.#facts, inputs);
  }

  async session(): Promise<ModelSession> {
    await this.#host.start();
    return startLayersSession(
      this.artifacts,
      this.inputs,
      this.#facts.graph.outputs.map((ref) => tensorName(ref)),
    );
  }

  engine(): Promise<MatrixEngine> {
    return this.#host.engine();
  }

  async write(target: string): Promise<number> {
    return this.#host.write(this.artifacts, target);
  }

  #part(
    { graph, weights }: ModelPart,
    most: ReadonlyMap<string, number> | undefined,
    offered = this.#offered,
  ): LayersModel {
    const { topology, metadata } = this.artifacts;
    return new LayersModel(
      { topology: composeTopology(topology, graph), weights, metadata },
      this.#host,
      graph,
      most,
      offered,
    );
  }

  #withWeights(weights: Weights): LayersModel {
    const artifacts = { ...this.artifacts, weights };
    return new LayersModel(artifacts, this.#host, this.#facts.graph, this.#most, this.#offered);
  }

  #offering(names: ReadonlySet<string>): LayersModel {
    const apart = separablesApart(this.#facts, names);
    return apart
      ? this.#part(apart, this.#most, names)
      : new LayersModel(this.artifacts, this.#host, this.#facts.graph, this.#most, names);
  }

  /** With its separable convolutions as two layers each, the second of which can be a layer as well. */
  #factsApart(): LayersModelFacts {
    if (this.#apart === undefined) {
      const apart = separablesApart(this.#facts);
      this.#apart = apart ? new LayersModelFacts(apart.graph, apart.weights, this.#offered) : this.#facts;
    }
    return this.#apart;
  }

  #priced(layers: readonly DenseLayer[]): FcLayer[] {
    return layers.map(({ layer }) => {
      const clusters = this.#most.get(layer.name);
      return clusters === undefined ? layer : { ...layer, mostClusters: clusters };
    });
  }
}

/** What an input layer declares, as TensorFlow.js takes it: it holds floats of every width as float32, and wide integers as int32. */
function elementType(dtype: Json | undefined): ElementType {
  if (typeof dtype !== 'string' || /float/.test(dtype)) return 'float32';
  if (/^u?int(32|64)$/.test(dtype)) return 'int32';
  return /^(u?int(8|16)|bool|string)$/.test(dtype) ? (dtype as ElementType) : 'other';
}

function unique(refs: readonly TensorRef[]): TensorRef[] {
  return [...new Map(refs.map((ref) => [tensorName(ref), ref])).values()];
}
