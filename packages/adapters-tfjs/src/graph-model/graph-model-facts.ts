/** Everything that is found out about one graph model, once. */
import { InputError, type SkippedLayer } from '@spherize/core';
import { convolutionLayer, whyNotOffered } from './convolution-layers.js';
import { findMatMulLayers, type MatMulLayer } from './fc-layers.js';
import { GraphModelFeatureGraph } from './feature-graph.js';
import type { GraphIndex } from './nodes/graph-index.js';
import type { NodeDef } from './nodes/node-def.js';
import { unofferedWeights } from './unoffered-weights.js';

export class GraphModelFacts {
  readonly index: GraphIndex;
  /** Products, and convolutions that were offered, in the order of the graph. */
  readonly layers: readonly MatMulLayer[];
  readonly skipped: readonly SkippedLayer[];
  /** Names of the convolutions that were offered, by those of their filters. */
  readonly offered: ReadonlyMap<string, string>;
  #features: GraphModelFeatureGraph | undefined;

  constructor(index: GraphIndex, offered: ReadonlyMap<string, string> = new Map()) {
    this.index = index;
    this.offered = offered;
    const { layers, unfit, unique } = findMatMulLayers(index);
    const products = new Map(layers.map((layer) => [layer.node, layer]));
    this.layers = index.nodes.flatMap((node) => products.get(node) ?? this.#offeredLayer(node) ?? []);
    this.skipped = unofferedWeights(index, this.layers, unfit, unique);
  }

  /** Convolutions of several channels that can be layers and are none yet, in the order of the graph. */
  get convolutions(): readonly MatMulLayer[] {
    const offered = new Set(this.layers.map(({ node }) => node));
    return this.features.layers.flatMap(({ name }) => {
      const { node } = this.features.weighted(name);
      const found = offered.has(node) ? undefined : convolutionLayer(this.index, node, name);
      const fits = typeof found === 'object' && whyNotOffered(found) === undefined;
      return fits ? found : [];
    });
  }

  #offeredLayer(node: NodeDef): MatMulLayer | undefined {
    const filters = this.index.constant(node.input[1])?.weight.spec.name;
    const name = filters === undefined ? undefined : this.offered.get(filters);
    const found = name === undefined ? undefined : convolutionLayer(this.index, node, name);
    return typeof found === 'string' ? undefined : found;
  }

  /** The operations of the model, found when they are first asked for. */
  get features(): GraphModelFeatureGraph {
    this.#features ??= new GraphModelFeatureGraph(this.index, this.layers);
    return this.#features;
  }

  /** @throws InputError `UNKNOWN_NAME` */
  layer(name: string): MatMulLayer {
    const found = this.layers.find(({ layer }) => layer.name === name);
    if (found === undefined) {
      const known = this.layers.map(({ layer }) => layer.name).join(', ') || 'none';
      throw new InputError('UNKNOWN_NAME', `no fully connected layer is called ${name}; there are: ${known}`);
    }
    return found;
  }

  /** The node that an operation of the features belongs to. */
  operation(name: string): NodeDef {
    const node = this.index.node(name) ?? this.index.node(name.slice(0, name.lastIndexOf('/')));
    if (node === undefined) throw new InputError('UNKNOWN_NAME', `no operation is called ${name}`);
    return node;
  }

  /** The nodes of a layer or operation. */
  nodesCalled(name: string): NodeDef[] {
    const layer = this.layers.find((candidate) => candidate.layer.name === name);
    if (layer === undefined) return [this.operation(name)];
    return layer.add ? [layer.node, layer.add] : [layer.node];
  }
}
