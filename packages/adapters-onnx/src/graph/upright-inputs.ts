/**
 * Turns products with lying inputs into products with upright ones, so that the features of every layer lie on the last axis of its
 * input: `Gemm(transA=1)` becomes a Transpose and a Gemm, and `W · x` with constant W becomes `(xᵀ · Wᵀ)ᵀ`.
 */
import type { ModelProto, NodeProto } from 'onnx-buf';
import { copyMessage, intAttribute, isStandard, makeNode } from '../proto/onnx-protos.js';
import { isFloatType } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import { UniqueNames } from './layer-names.js';
import { TensorShapes } from './tensor-shapes.js';

/** The model with all inputs upright; the same object when they already are. */
export function withUprightInputs(index: GraphIndex): ModelProto {
  const { model, graph } = index;
  const lying = (node: NodeProto) =>
    node.opType === 'Gemm' &&
    isStandard(node) &&
    intAttribute(node, 'transA', 0) === 1 &&
    index.constantSource(node.input[1]!) !== undefined;
  const leftConstant = (node: NodeProto) =>
    node.opType === 'MatMul' && isStandard(node) && isLeft(index, node);
  if (!graph.node.some((node) => lying(node) || leftConstant(node))) return model;
  const shapes = new TensorShapes(index);
  const names = new UniqueNames([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ name, output }) => [name, ...output]),
  ]);
  const node = graph.node.flatMap((original) => {
    if (leftConstant(original)) return swapped(original, shapes.rank(original.input[1]!), names);
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

/** Whether the left operand alone is a constant matrix of floats. */
function isLeft(index: GraphIndex, node: NodeProto): boolean {
  const [left, right] = node.input as [string, string];
  const weights = index.constantSource(left)?.tensor;
  if (weights?.dims.length !== 2 || !isFloatType(weights.dataType)) return false;
  return index.constantSource(right) === undefined && index.constantMaker(right) === undefined;
}

/** `W · x` as a product with Wᵀ on the right. A vector x needs no more; of a matrix, or several, the last two axes change places. */
function swapped(product: NodeProto, rank: number | undefined, names: UniqueNames): NodeProto[] {
  const [weights, x] = product.input as [string, string];
  const output = product.output[0]!;
  if (rank === undefined) return [product];
  const turned = names.add(`${weights}/transposed`);
  const turn = makeNode('Transpose', turned, [weights], [turned], { perm: [1, 0] });
  if (rank < 2) return [turn, copyMessage(product, { input: [x, turned] })];
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  const upright = names.add(`${x}/transposed`);
  const result = names.add(`${output}/transposed`);
  return [
    turn,
    makeNode('Transpose', upright, [x], [upright], { perm }),
    copyMessage(product, { input: [upright, turned], output: [result] }),
    makeNode('Transpose', names.add(`${output}/upright`), [result], [output], { perm }),
  ];
}
