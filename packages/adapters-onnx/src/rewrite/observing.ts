import type { ModelProto, NodeProto } from 'onnx-buf';
import type { TensorShapes } from '../graph/tensor-shapes.js';
import { copyMessage, makeValueInfo } from '../proto/onnx-protos.js';
import { tensorsReadBy } from '../tensors/graph-index.js';

/**
 * A model that computes these tensors and gives them out: the nodes that they need, and no others.
 *
 * @param given tensors that come in as inputs
 */
export function observing(
  model: ModelProto,
  shapes: TensorShapes,
  tensors: readonly string[],
  given: readonly string[] = [],
): ModelProto {
  const graph = model.graph!;
  const needed = new Set(tensors);
  const known = new Set(given);
  const kept: NodeProto[] = [];
  for (const node of graph.node.toReversed()) {
    if (!node.output.some((name) => needed.has(name) && !known.has(name))) continue;
    kept.push(node);
    for (const name of tensorsReadBy(node)) needed.add(name);
  }
  const made = new Set(kept.flatMap(({ output }) => output));
  // A node may make some tensors that are given beside others that are not: those stay its own.
  const declared = given
    .filter(
      (name) => needed.has(name) && !made.has(name) && !graph.input.some((input) => input.name === name),
    )
    .map((name) => makeValueInfo(name, shapes.elementType(name), shapes.shape(name)));
  return copyMessage(model, {
    graph: copyMessage(graph, {
      node: kept.reverse(),
      input: [
        ...(given.length > 0 ? graph.input.filter(({ name }) => needed.has(name)) : graph.input),
        ...declared,
      ],
      initializer: graph.initializer.filter(({ name }) => needed.has(name)),
      output: tensors.map((name) => makeValueInfo(name, shapes.elementType(name), undefined)),
      valueInfo: [],
    }),
  });
}
