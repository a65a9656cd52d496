/** Everything that is found out about one ONNX model, once. */
import { InputError, type SkippedLayer } from '@spherize/core';
import type { ModelProto, NodeProto } from 'onnx-buf';
import { GraphIndex } from '../tensors/graph-index.js';
import { convolutionLayer, whyNoLayers } from './convolution-layers.js';
import { findFcLayers, type OnnxLayer } from './fc-layers.js';
import { FeatureAxes } from './feature-axis.js';
import { OnnxModelFeatureGraph } from './feature-graph.js';
import { OperationEffects } from './operation-effects.js';
import { OperationNames } from './operation-names.js';
import { TensorShapes } from './tensor-shapes.js';
import { unofferedWeights } from './unoffered-weights.js';
import { withUprightInputs } from './upright-inputs.js';

/** Names that a model passes on to the models made from it, by the first tensor that a layer or operation produces. */
export interface KeptNames {
  readonly layers: ReadonlyMap<string, string>;
  readonly operations: ReadonlyMap<string, string>;
  /** Convolutions that are layers of the model. */
  readonly convolutions: ReadonlyMap<string, string>;
}

export class OnnxModelFacts {
  readonly index: GraphIndex;
  readonly shapes: TensorShapes;
  /** Fully connected layers, and convolutions that were offered, in the order of the graph. */
  readonly layers: readonly OnnxLayer[];
  readonly skipped: readonly SkippedLayer[];
  readonly axes: FeatureAxes;
  readonly #operations: OperationNames;
  readonly #byName: ReadonlyMap<string, OnnxLayer>;
  readonly #products: readonly OnnxLayer[];
  readonly #offered: readonly OnnxLayer[];
  #features: OnnxModelFeatureGraph | undefined;

  /** @param dequantize whether weights behind DequantizeLinear count as weights */
  constructor(
    model: ModelProto,
    names: KeptNames = { layers: new Map(), operations: new Map(), convolutions: new Map() },
    dequantize = false,
  ) {
    const index = new GraphIndex(model, dequantize);
    const upright = withUprightInputs(index);
    this.index = upright === model ? index : new GraphIndex(upright, dequantize);
    this.shapes = new TensorShapes(this.index);
    const { layers: products, unfit, unique } = findFcLayers(this.index, this.shapes, names.layers);
    this.#products = products;
    this.#offered = this.index.graph.node.flatMap((node) => {
      const name = names.convolutions.get(node.output[0] ?? '');
      return name === undefined ? [] : (convolutionLayer(this.index, node, name) ?? []);
    });
    const byNode = new Map([...products, ...this.#offered].map((layer) => [layer.node, layer]));
    this.layers = this.index.graph.node.flatMap((node) => byNode.get(node) ?? []);
    this.skipped = unofferedWeights(this.index.model, this.layers, unfit, unique, whyNoLayers(this.index));
    this.#byName = new Map(this.layers.map((layer) => [layer.name, layer]));
    const byOutput = new Map(products.map((layer) => [layer.output, layer]));
    this.axes = new FeatureAxes(this.index, this.shapes, byOutput);
    this.#operations = new OperationNames(this.index, names.operations, [...this.#byName.keys()]);
  }

  /** The operations of the model, found when they are first asked for. */
  get features(): OnnxModelFeatureGraph {
    if (this.#features === undefined) {
      const layers = new Map(this.layers.map((layer) => [layer.node, layer]));
      const effects = new OperationEffects(this.index, this.shapes, this.axes, layers);
      this.#features = new OnnxModelFeatureGraph(this.index, this.#operations, effects, this.#products);
    }
    return this.#features;
  }

  /** Convolutions of several channels that can be layers and are none yet, in the order of the graph. */
  get convolutions(): readonly OnnxLayer[] {
    const offered = new Set(this.#offered.map(({ node }) => node));
    return this.features.layers.flatMap(({ name, inputs }) => {
      const { node } = this.features.weighted(name);
      return inputs < 2 || offered.has(node) ? [] : (convolutionLayer(this.index, node, name) ?? []);
    });
  }

  get keptNames(): KeptNames {
    return {
      layers: new Map(this.#products.map(({ output, name }) => [output, name])),
      operations: this.#operations.byOutput,
      convolutions: new Map(this.#offered.map(({ output, name }) => [output, name])),
    };
  }

  layer(name: string): OnnxLayer {
    const found = this.#byName.get(name);
    if (found === undefined) {
      const known = this.layers.map((layer) => layer.name).join(', ') || 'none';
      throw new InputError('UNKNOWN_NAME', `no fully connected layer is called ${name}; there are: ${known}`);
    }
    return found;
  }

  operation(name: string): NodeProto {
    const node = this.#operations.node(name);
    if (node === undefined) throw new InputError('UNKNOWN_NAME', `no operation is called ${name}`);
    return node;
  }

  /** The nodes of a layer or operation. */
  nodesCalled(name: string): NodeProto[] {
    const layer = this.#byName.get(name);
    if (layer === undefined) return [this.operation(name)];
    return layer.add ? [layer.node, layer.add] : [layer.node];
  }
}
