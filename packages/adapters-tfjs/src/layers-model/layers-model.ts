/** A LayersModel in memory, as core sees it. */
import type {
  DenseMatrix,
  FcLayer,
  GraphView,
  Model,
  ModelRewrite,
  ModelSession,
  SkippedLayer,
  TensorInfo,
} from '@spherize/core';
import type { Artifacts } from '../artifacts/artifacts.js';
import { count } from '../artifacts/json.js';
import { parametersOf } from '../artifacts/weights.js';
import type { Host } from '../host.js';
import { composeTopology } from './compose-topology.js';
import { type LayerGraph, parseLayerGraph, type TensorRef, tensorName } from './layer-graph.js';
import { LayersModelFacts } from './layers-model-facts.js';
import { multiplyAccumulates } from './multiply-accumulates.js';
import { rewriteLayersModel } from './rewrite-layers-model.js';
import { startLayersSession } from './session.js';
import { type ModelPart, splitLayersModel } from './split-layers-model.js';

export class LayersModel implements Model {
  readonly artifacts: Artifacts;
  readonly #host: Host;
  readonly #facts: LayersModelFacts;

  /** @param graph the layers of the artifacts, when they are at hand */
  constructor(artifacts: Artifacts, host: Host, graph: LayerGraph = parseLayerGraph(artifacts.topology)) {
    this.artifacts = artifacts;
    this.#host = host;
    this.#facts = new LayersModelFacts(graph, artifacts.weights);
    this.layers = this.#facts.layers.map(({ layer }) => layer);
  }

  readonly layers: readonly FcLayer[];

  get skipped(): readonly SkippedLayer[] {
    return this.#facts.skipped;
  }

  get inputs(): readonly TensorInfo[] {
    const defs = new Map(this.#facts.graph.layers.map((def) => [def.name, def]));
    return unique(this.#facts.graph.inputs).map((ref) => {
      const config = defs.get(ref.layer)?.config ?? {};
      const declared = Array.isArray(config.batch_input_shape) ? config.batch_input_shape : [];
      const shape = declared.map((size) => count(size));
      const integral = typeof config.dtype === 'string' && /^u?int/.test(config.dtype);
      return { name: tensorName(ref), shape, ...(integral ? { integral } : {}) };
    });
  }

  get outputs(): readonly TensorInfo[] {
    return unique(this.#facts.graph.outputs).map((ref) => {
      const name = tensorName(ref);
      return { name, shape: this.#facts.shapes.get(name) ?? [undefined] };
    });
  }

  get graph(): GraphView {
    return this.#facts.description;
  }

  get parameters(): number {
    return parametersOf(this.artifacts.weights);
  }

  weights(layer: string): DenseMatrix {
    return this.#facts.weightsOf(layer);
  }

  bias(layer: string): Float32Array | undefined {
    return this.#facts.biasOf(layer);
  }

  rewrite(rewrite: ModelRewrite): Model {
    if (rewrite.layers.length === 0 && rewrite.features.length === 0) return this;
    return this.#part(rewriteLayersModel(this.#facts, rewrite));
  }

  split(layers: readonly string[], also: readonly string[]): { head: Model | undefined; tail: Model } {
    const parts = splitLayersModel(this.#facts, [...layers, ...also]);
    if (parts === undefined) return { head: undefined, tail: this };
    return { head: this.#part(parts.head), tail: this.#part(parts.tail) };
  }

  async multiplyAccumulates(): Promise<number | undefined> {
    return multiplyAccumulates(this.#facts);
  }

  async session(): Promise<ModelSession> {
    await this.#host.start();
    return startLayersSession(
      this.artifacts,
      this.inputs,
      this.#facts.graph.outputs.map((ref) => tensorName(ref)),
    );
  }

  async write(target: string): Promise<number> {
    return this.#host.write(this.artifacts, target);
  }

  #part({ graph, weights }: ModelPart): LayersModel {
    const { topology, metadata } = this.artifacts;
    return new LayersModel(
      { topology: composeTopology(topology, graph), weights, metadata },
      this.#host,
      graph,
    );
  }
}

function unique(refs: readonly TensorRef[]): TensorRef[] {
  return [...new Map(refs.map((ref) => [tensorName(ref), ref])).values()];
}
