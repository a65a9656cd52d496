/** Why the weights of an operator are not compressed. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, isStandard } from '../proto/onnx-protos.js';
import type { StoredTensor } from '../tensors/constant-scope.js';
import { operatorOf } from './operators/operator-table.js';

const ONLY = 'only fully connected layers are compressed';

/**
 * @param weights the largest of the tensors that the node holds
 * @param ending why a convolution is not compressed
 */
export function reasonOf(node: NodeProto, weights: StoredTensor, ending: string = ONLY): string {
  const { opType } = node;
  if (weights.sparse)
    return `its weights are stored sparse, read by ${opType}: only dense ones are compressed`;
  switch (operatorOf(node)?.weights) {
    case 'convolution':
      return `a ${convolution(node, weights)}: ${ending}`;
    case 'quantised convolution':
      return `a quantised ${convolution(node, weights)}: ${ONLY}`;
    case 'transposed convolution':
      return `a transposed convolution: ${ONLY}`;
    case 'recurrent':
      return `a recurrent layer (${opType}): ${ONLY}`;
    case 'table':
      return `a table that ${opType} looks up: ${ONLY}`;
    case 'einsum':
      return `a product by Einsum, which may sum over any axes: ${ONLY}`;
    case 'quantised':
      return `its weights are quantised in a ${opType}, which no option dequantises`;
  }
  if (!isStandard(node)) return `${opType} is not a standard operator`;
  return `an operand of ${opType}: ${ONLY}`;
}

/** Filters have shape `[outputs, inputs per group, …kernel]`. */
function convolution(node: NodeProto, { dims }: StoredTensor): string {
  const size = dims.slice(2).join('×');
  if (intAttribute(node, 'group', 1) === 1) return `${size} convolution`;
  return dims[1] === 1 ? 'depthwise convolution' : `grouped ${size} convolution`;
}
