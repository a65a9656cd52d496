/** Everything that is found out about one LayersModel, once. */
import { type DenseMatrix, InputError, type SkippedLayer } from '@spherize/core';
import type { Weights } from '../artifacts/weights.js';
import type { LayerFacts, Shape } from './classes/layer-class.js';
import { type DenseLayer, denseBias, denseWeights, findLayers } from './fc-layers.js';
import { LayersModelFeatureGraph } from './feature-graph.js';
import { type LayerDef, type LayerGraph, tensorName } from './layer-graph.js';
import { LayerWeights, layersByName, ownerOf } from './layer-weights.js';
import { findMasks, type MaskFacts } from './masks.js';
import { inferTensors, type TensorFacts } from './tensor-facts.js';
import { unofferedWeights } from './unoffered-weights.js';

export class LayersModelFacts {
  readonly graph: LayerGraph;
  readonly weights: Weights;
  readonly names: LayerWeights;
  readonly tensors: TensorFacts;
  readonly masks: MaskFacts;
  /** Dense layers, and convolutions that were offered, in the order of the graph. */
  readonly layers: readonly DenseLayer[];
  /** Convolutions that can be layers as well, and are none yet. */
  readonly convolutions: readonly DenseLayer[];
  readonly skipped: readonly SkippedLayer[];
  /** Dense layers that are cluster sums. */
  readonly sums: ReadonlySet<string>;
  readonly #layersByName: ReadonlyMap<string, DenseLayer>;
  readonly #defs: ReadonlyMap<string, LayerDef>;
  #features: LayersModelFeatureGraph | undefined;

  /** @param offered names of convolutions that are layers of the model */
  constructor(graph: LayerGraph, weights: Weights, offered: ReadonlySet<string> = new Set()) {
    this.graph = graph;
    this.weights = weights;
    this.names = new LayerWeights(weights);
    this.tensors = inferTensors(graph);
    const { shapes } = this.tensors;
    this.masks = findMasks(graph, shapes);
    const found = findLayers(graph, weights, this.names, shapes, this.masks);
    const { layers, convolutions, sums } = found;
    this.sums = sums;
    const isOffered = ({ layer }: DenseLayer): boolean => offered.has(layer.name);
    const place = new Map(graph.layers.map((def, i) => [def, i]));
    this.layers = [...layers, ...convolutions.filter(isOffered)].sort(
      (a, b) => place.get(a.def)! - place.get(b.def)!,
    );
    this.convolutions = convolutions.filter((own) => own.layer.inputs > 1 && !isOffered(own));
    this.skipped = unofferedWeights({ ...found, convolutions: this.convolutions }, this, this.layers);
    this.#layersByName = new Map(this.layers.map((layer) => [layer.layer.name, layer]));
    this.#defs = new Map(graph.layers.map((def) => [def.name, def]));
  }

  /** @throws InputError `UNKNOWN_NAME` */
  layer(name: string): DenseLayer {
    const found = this.#layersByName.get(name);
    if (found === undefined) {
      const known = this.layers.map(({ layer }) => layer.name).join(', ') || 'none';
      throw new InputError('UNKNOWN_NAME', `no fully connected layer is called ${name}; there are: ${known}`);
    }
    return found;
  }

  /** The layer that an operation of the features belongs to. */
  def(operation: string): LayerDef {
    const found = this.#defs.get(operation) ?? this.features.def(operation);
    if (found === undefined)
      throw new InputError('UNKNOWN_NAME', `no layer or operation is called ${operation}`);
    return found;
  }

  /** The operations of the model, found when they are first asked for. */
  get features(): LayersModelFeatureGraph {
    this.#features ??= new LayersModelFeatureGraph(this);
    return this.#features;
  }

  weightsOf(layer: string): DenseMatrix {
    return denseWeights(this.layer(layer), this.weights);
  }

  biasOf(layer: string): Float32Array | undefined {
    return denseBias(this.layer(layer), this.weights);
  }

  /** The layers that read any output of a layer. */
  readers({ name }: LayerDef): LayerDef[] {
    return this.graph.layers.filter(({ calls }) =>
      calls.some(({ inputs }) => inputs.some(({ layer }) => layer === name)),
    );
  }

  /** The shape of a tensor. */
  shapeOf(tensor: string): Shape | undefined {
    return this.tensors.shapes.get(tensor);
  }

  /** One call of a layer. */
  factsOf(def: LayerDef, call: number): LayerFacts {
    const { shapes, places } = this.tensors;
    const output = tensorName({ layer: def.name, call, tensor: 0 });
    const [first] = def.calls[call]!.inputs;
    const input = first === undefined ? '' : tensorName(first);
    return {
      def,
      input: shapes.get(input),
      output: shapes.get(output),
      before: places.get(input),
      after: places.get(output),
      weight: (name) => {
        const stored = this.names.find(def.name, name);
        return stored === undefined ? undefined : this.weights.get(stored)?.spec.shape;
      },
    };
  }

  /** The layers that have weights of more than one axis, or hold layers that do. */
  weighted(): ReadonlySet<LayerDef | undefined> {
    const owners = layersByName(this.graph);
    const large = [...this.weights].filter(([, { spec }]) => spec.shape.length > 1);
    return new Set(large.map(([name]) => ownerOf(name, owners)));
  }
}
