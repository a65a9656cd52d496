/** A graph model in memory, as core sees it. */
import {
  checkRewrite,
  type DenseMatrix,
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
import { isObject, type Json, type JsonObject } from '../artifacts/json.js';
import { bytesPerValue, exactWeights, roundingOf } from '../artifacts/storage.js';
import { storeWeights } from '../artifacts/store-weights.js';
import { floatValues, parametersOf, type Weights } from '../artifacts/weights.js';
import type { Host } from '../host.js';
import { LATENCY_MODEL } from '../latency-model.js';
import { layerWeights } from './fc-layers.js';
import { featureWeights } from './feature-weights.js';
import { canResume, givenNodes, inputTensor } from './given-tensors.js';
import { GraphModelFacts } from './graph-model-facts.js';
import { multiplyAccumulates } from './multiply-accumulates.js';
import { narrowGraphModel, requireSizes } from './narrow-graph-model.js';
import { GraphIndex } from './nodes/graph-index.js';
import { elementType, type NodeDef, sizesOf } from './nodes/node-def.js';
import { activationAfter, observedPart } from './observed-part.js';
import { rewriteGraphModel } from './rewrite-graph-model.js';
import { startGraphSession } from './session.js';
import { type GraphPart, splitGraphModel } from './split-graph-model.js';
import { storedStatistics } from './stored-statistics.js';
import { tableEntries } from './table-entries.js';
import { withUprightProducts } from './upright-products.js';

export class GraphModel implements Model {
  readonly artifacts: Artifacts;
  readonly layers: readonly FcLayer[];
  readonly #host: Host;
  readonly #facts: GraphModelFacts;

  /** @param offered names of convolutions that are layers of the model, by those of their filters */
  constructor(
    artifacts: Artifacts,
    host: Host,
    index: GraphIndex = new GraphIndex(artifacts),
    offered?: ReadonlyMap<string, string>,
  ) {
    this.artifacts = artifacts;
    this.#host = host;
    this.#facts = new GraphModelFacts(index, offered);
    this.layers = this.#facts.layers.map(({ layer }) => layer);
  }

  get convolutions(): ModelConvolutions {
    const { convolutions, index, offered } = this.#facts;
    return {
      layers: convolutions.map(({ layer }) => layer),
      offer: (names) => {
        const wanted = convolutions.filter(({ layer }) => names.includes(layer.name));
        const filters = wanted.map(({ weights, layer }) => [weights.weight.spec.name, layer.name] as const);
        return new GraphModel(this.artifacts, this.#host, index, new Map([...offered, ...filters]));
      },
    };
  }

  get skipped(): readonly SkippedLayer[] {
    return this.#facts.skipped;
  }

  get inputs(): readonly TensorInfo[] {
    return this.#facts.index.inputs.map((node) => {
      const { name, attr } = node;
      const shape = isObject(attr.shape) ? sizesOf(attr.shape.shape) : undefined;
      const type = elementType(isObject(attr.dtype) ? attr.dtype.type : undefined);
      const entries = tableEntries(this.#facts.index, name);
      return {
        name: inputTensor(node),
        shape: shape ?? [undefined],
        ...(type === 'float32' ? {} : { type }),
        ...(entries === undefined ? {} : { entries }),
      };
    });
  }

  get outputs(): readonly TensorInfo[] {
    return this.#facts.index.outputs.map((name) => {
      const products = this.#facts.layers.filter(({ layer }) => layer.window === undefined);
      const made = products.find(({ node, add }) => (add ?? node).name === name);
      const declared = this.#declaredOutput(name);
      const type = elementType(declared?.dtype);
      const shape = made ? [undefined, made.layer.outputs] : sizesOf(declared?.tensorShape);
      return { name, shape: shape ?? [undefined], ...(type === 'float32' ? {} : { type }) };
    });
  }

  get graph(): FeatureGraph {
    return this.#facts.features;
  }

  get features(): ModelFeatures {
    const facts = this.#facts;
    return {
      weights: (layer) => featureWeights(facts.features, layer),
      get statistics() {
        return storedStatistics(facts);
      },
      narrow: (narrowing) => {
        const { nodes, weights } = narrowGraphModel(facts, narrowing);
        const narrower = this.#with(nodes, weights, this.artifacts.metadata, facts.index.outputs);
        requireSizes(narrower.#facts.index, facts, narrowing);
        return narrower;
      },
      resumes: canResume(facts.index),
      resumesWithin: (tensor) => activationAfter(facts, tensor) !== undefined,
      observe: (tensors, given) => this.#part(observedPart(facts, tensors, given)),
    };
  }

  get parameters(): number {
    return parametersOf(this.artifacts.weights);
  }

  get latencyModel(): LatencyModel {
    return LATENCY_MODEL;
  }

  get bytesPerWeight(): number {
    return bytesPerValue(this.#facts.layers.map(({ weights }) => weights.weight));
  }

  get storage(): WeightStorage {
    const { weights, metadata } = this.artifacts;
    const { index } = this.#facts;
    const withWeights = (own: Weights) => this.#with(index.nodes, own, metadata, index.outputs);
    return {
      store: (type) => {
        const { weights: stored, floats, report } = storeWeights(weights, type);
        return { model: withWeights(stored), floats: withWeights(floats), report };
      },
    };
  }

  get rounding(): StorageRounding | undefined {
    const { weights } = this.artifacts;
    const rounding = roundingOf(weights);
    if (rounding === undefined) return undefined;
    const artifacts = { ...this.artifacts, weights: exactWeights(weights) };
    const { index, offered } = this.#facts;
    const exactIndex = new GraphIndex(artifacts, index.nodes, index.outputs);
    const exact = new GraphModel(artifacts, this.#host, exactIndex, offered);
    return { ...rounding, exact };
  }

  weights(layer: string): DenseMatrix {
    return layerWeights(this.#facts.layer(layer));
  }

  bias(layer: string): Float32Array | undefined {
    const { bias } = this.#facts.layer(layer);
    return bias && floatValues(bias.source.weight);
  }

  rewrite(rewrite: ModelRewrite): Model {
    const widths = checkRewrite(this, rewrite);
    if (rewrite.layers.length === 0 && rewrite.features.length === 0) return this;
    const { nodes, weights } = rewriteGraphModel(this.#facts, rewrite, widths);
    return this.#with(nodes, weights, this.artifacts.metadata);
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const parts = splitGraphModel(this.#facts, [...layers, ...also]);
    if (parts === undefined) return { head: undefined, tail: this };
    return { head: this.#part(parts.head), tail: this.#part(parts.tail) };
  }

  async multiplyAccumulates(inputs: readonly TensorInfo[] = this.inputs): Promise<number | undefined> {
    await this.#host.start();
    return multiplyAccumulates(this.#facts.index, inputs, (outputs) => this.#start(outputs));
  }

  async session(): Promise<ModelSession> {
    await this.#host.start();
    return this.#start(this.#facts.index.outputs);
  }

  #start(outputs: readonly string[]): Promise<ModelSession> {
    const upright = withUprightProducts(this.#facts);
    const artifacts = upright
      ? { ...this.artifacts, ...this.#parts(upright.nodes, upright.weights) }
      : this.artifacts;
    return startGraphSession(artifacts, this.inputs, outputs, givenNodes(this.#facts.index));
  }

  engine(): Promise<MatrixEngine> {
    return this.#host.engine();
  }

  async write(target: string): Promise<number> {
    return this.#host.write(this.artifacts, target);
  }

  #part({ nodes, weights, outputs }: GraphPart): GraphModel {
    // The signature speaks of the whole.
    const { signature, userDefinedMetadata, ...metadata } = this.artifacts.metadata;
    return this.#with(nodes, weights, metadata, outputs);
  }

  #with(
    nodes: readonly NodeDef[],
    weights: Weights,
    metadata: Artifacts['metadata'],
    outputs?: readonly string[],
  ): GraphModel {
    const artifacts = { ...this.#parts(nodes, weights), metadata };
    const index = new GraphIndex(artifacts, [...nodes], outputs);
    return new GraphModel(artifacts, this.#host, index, this.#facts.offered);
  }

  #parts(nodes: readonly NodeDef[], weights: Weights): Pick<Artifacts, 'topology' | 'weights'> {
    return { topology: { ...this.artifacts.topology, node: nodes as unknown as Json[] }, weights };
  }

  /** What the signature says of an output. */
  #declaredOutput(name: string): JsonObject | undefined {
    const { signature, userDefinedMetadata } = this.artifacts.metadata;
    const own = (userDefinedMetadata?.signature ?? signature) as
      | { outputs?: Record<string, unknown> }
      | undefined;
    for (const entry of Object.values(own?.outputs ?? {})) {
      if (isObject(entry) && String(entry.name).replace(/:0$/, '') === name) return entry;
    }
    return undefined;
  }
}
