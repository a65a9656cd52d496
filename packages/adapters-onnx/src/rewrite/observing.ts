import type { ModelProto, NodeProto } from 'onnx-buf';
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { copyMessage, makeValueInfo } from '../proto/onnx-protos.js';
import { tensorsReadBy } from '../tensors/graph-index.js';

/** A model that computes these tensors and gives them out: the nodes that they need, and no others. */
export function observing(model: ModelProto, tensors: readonly string[]): ModelProto {
  const graph = model.graph!;
  const needed = new Set(tensors);
  const kept: NodeProto[] = [];
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of tensorsReadBy(node)) needed.add(name);
  }
  return copyMessage(model, {
    graph: copyMessage(graph, {
      node: kept.reverse(),
      initializer: graph.initializer.filter(({ name }) => needed.has(name)),
      output: tensors.map((name) => makeValueInfo(name, DataType.FLOAT, undefined)),
      valueInfo: [],
    }),
  });
}
