/**
 * Turns `Gemm(transA=1)` into a Transpose and a Gemm that reads it, so that the features of every layer lie on the last
 * axis of its input.
 */
import type { ModelProto, NodeProto } from 'onnx-buf';
import type { GraphIndex } from './graph-index.js';
import { UniqueNames } from './layer-names.js';
import { copyMessage, intAttribute, isStandard, makeNode } from './onnx-protos.js';

/** The model with all inputs upright; the same object when they already are. */
export function withUprightInputs(index: GraphIndex): ModelProto {
  const { model, graph } = index;
  const lying = (node: NodeProto) =>
    node.opType === 'Gemm' &&
    isStandard(node) &&
    intAttribute(node, 'transA', 0) === 1 &&
    index.constantSource(node.input[1]!) !== undefined;
  if (!graph.node.some(lying)) return model;
  const names = new UniqueNames(graph.node.flatMap(({ name, output }) => [name, ...output]));
  const node = graph.node.flatMap((original) => {
    if (!lying(original)) return [original];
    const upright = names.add(`${original.input[0]}/transposed`);
    return [
      makeNode('Transpose', upright, [original.input[0]!], [upright], { perm: [1, 0] }),
      copyMessage(original, {
        input: [upright, ...original.input.slice(1)],
        attribute: original.attribute.filter(({ name }) => name !== 'transA'),
      }),
    ];
  });
  return copyMessage(model, { graph: copyMessage(graph, { node }) });
}
