/** Names of the operations of a graph, by which rewrites refer to them. */
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../tensors/graph-index.js';
import { UniqueNames } from './layer-names.js';

export class OperationNames {
  readonly #names = new Map<NodeProto, string>();
  readonly #nodes = new Map<string, NodeProto>();

  /**
   * @param kept names that operations had in the model this one comes from, by their first output
   * @param layers names that are taken
   */
  constructor(index: GraphIndex, kept: ReadonlyMap<string, string>, layers: readonly string[]) {
    const unique = new UniqueNames([...kept.values(), ...layers]);
    for (const node of index.graph.node) {
      const output = firstOutput(node);
      const name = kept.get(output) ?? unique.add(node.name || output);
      this.#names.set(node, name);
      this.#nodes.set(name, node);
    }
  }

  /** Names by first output, to be kept by the models made from this one. */
  get byOutput(): ReadonlyMap<string, string> {
    return new Map([...this.#names].map(([node, name]) => [firstOutput(node), name]));
  }

  of(node: NodeProto): string {
    return this.#names.get(node)!;
  }

  node(operation: string): NodeProto | undefined {
    return this.#nodes.get(operation);
  }
}

function firstOutput(node: NodeProto): string {
  return node.output.find((name) => name !== '') ?? '';
}
