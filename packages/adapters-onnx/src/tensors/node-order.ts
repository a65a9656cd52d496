/** The order in which the nodes of a graph can run: every tensor is made before it is read. */
import type { GraphProto, ModelProto, NodeProto } from 'onnx-buf';
import { copyMessage } from '../proto/onnx-protos.js';
import { tensorsReadBy } from './graph-index.js';

export interface NodeOrder {
  /** Nodes in the order of the file, each behind those that make what it reads. */
  readonly nodes: readonly NodeProto[];
  /** A node, and a tensor that it reads and that is made from what the node itself makes. */
  readonly circle: { readonly node: NodeProto; readonly tensor: string } | undefined;
}

/** Finds the order; a graph that is sorted keeps its own. */
export function nodeOrder(graph: GraphProto): NodeOrder {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const begun = new Set<NodeProto>();
  const done = new Set<NodeProto>();
  let circle: NodeOrder['circle'];
  for (const start of graph.node) {
    if (begun.has(start)) continue;
    begun.add(start);
    const stack = [{ node: start, reads: tensorsReadBy(start).values(), reading: '' }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node } = top;
      const next = top.reads.next();
      if (next.done) {
        done.add(node);
        stack.pop();
        continue;
      }
      const maker = makers.get(next.value);
      if (maker === undefined || done.has(maker)) continue;
      top.reading = next.value;
      if (begun.has(maker)) {
        const first = stack.find((step) => step.node === maker)!;
        circle ??= { node: maker, tensor: first.reading };
        continue;
      }
      begun.add(maker);
      stack.push({ node: maker, reads: tensorsReadBy(maker).values(), reading: '' });
    }
  }
  return { nodes: [...done], circle };
}

/** The model with its nodes in order; the same object when they already are. */
export function sortedModel(model: ModelProto): ModelProto {
  const { graph } = model;
  if (graph === undefined) return model;
  const { nodes } = nodeOrder(graph);
  if (nodes.every((node, i) => node === graph.node[i])) return model;
  return copyMessage(model, { graph: copyMessage(graph, { node: [...nodes] }) });
}
