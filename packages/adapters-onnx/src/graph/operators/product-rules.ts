/** How many multiplications by weights an operator takes: a factor per value of what it reads or makes. */
import { intAttribute } from '../../proto/onnx-protos.js';
import type { ProductRule, ShapeFacts, WeightProduct } from './operator.js';

function per(tensor: string, factor: number | undefined): WeightProduct | undefined {
  return factor === undefined ? undefined : { tensor, factor };
}

export const matrixProduct: ProductRule = (node, shapes, isConstant) => {
  const [left, right] = node.input as [string, string];
  const [leftConstant, rightConstant] = [isConstant(left), isConstant(right)];
  // What is constant on both sides is computed once, when the session is made.
  if (leftConstant === rightConstant) return null;
  const output = node.output[0]!;
  const gemm = node.opType === 'Gemm';
  const shape = shapes.shape(rightConstant ? right : left);
  if (!rightConstant) return per(output, shape?.at(gemm && intAttribute(node, 'transA', 0) === 1 ? -2 : -1));
  const inner = gemm && intAttribute(node, 'transB', 0) === 1 ? -1 : -2;
  return per(output, shape?.at(shape.length === 1 ? -1 : inner));
};

export const convolution: ProductRule = (node, shapes, isConstant) =>
  isConstant(node.input[1]) ? per(node.output[0]!, filterSize(node.input[1]!, shapes)) : null;

/** Every value of the input is multiplied by a filter. */
export const transposedConvolution: ProductRule = (node, shapes, isConstant) =>
  isConstant(node.input[1]) ? per(node.input[0]!, filterSize(node.input[1]!, shapes)) : null;

function filterSize(filters: string, shapes: ShapeFacts): number | undefined {
  return (shapes.shape(filters) ?? [undefined, undefined])
    .slice(1)
    .reduce<number | undefined>(
      (result, size) => (result === undefined || size === undefined ? undefined : result * size),
      1,
    );
}
