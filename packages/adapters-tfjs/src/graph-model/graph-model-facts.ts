/** Everything that is found out about one graph model, once. */
import { InputError, type SkippedLayer } from '@spherize/core';
import { findMatMulLayers, type MatMulLayer } from './fc-layers.js';
import { GraphFeatures } from './feature-graph.js';
import type { GraphIndex } from './nodes/graph-index.js';
import type { NodeDef } from './nodes/node-def.js';
import { unofferedWeights } from './unoffered-weights.js';

export class GraphModelFacts {
  readonly index: GraphIndex;
  readonly layers: readonly MatMulLayer[];
  readonly skipped: readonly SkippedLayer[];
  #features: GraphFeatures | undefined;

  constructor(index: GraphIndex) {
    this.index = index;
    const { layers, unfit, unique } = findMatMulLayers(index);
    this.layers = layers;
    this.skipped = unofferedWeights(index, layers, unfit, unique);
  }

  /** The operations of the model, found when they are first asked for. */
  get features(): GraphFeatures {
    this.#features ??= new GraphFeatures(this.index, this.layers);
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
