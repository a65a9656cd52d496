/** Why the weights of an operator are not compressed. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, isStandard } from '../proto/onnx-protos.js';
import type { StoredTensor } from '../tensors/constant-scope.js';
import { operatorOf } from './operators/operator-table.js';

/** The ending of what no cluster sum can stand before. */
const LEAVES = 'only its channels can leave, with the width that they belong to';

/**
 * @param weights the largest of the tensors that the node holds
 * @param ending why a convolution of one group is not compressed
 */
export function reasonOf(
  node: NodeProto,
  weights: StoredTensor,
  ending = 'its filters and its bias are no constants of floats',
): string {
  const { opType } = node;
  if (weights.sparse)
    return `its weights are stored sparse, read by ${opType}: only dense ones are compressed`;
  switch (operatorOf(node)?.weights) {
    case 'convolution':
      return `a ${convolution(node, weights)}: ${endingOf(node, weights) ?? ending}`;
    case 'quantised convolution':
      return `a quantised ${convolution(node, weights)}: no option dequantises its filters`;
    case 'transposed convolution':
      return `a transposed convolution: ${LEAVES}`;
    case 'recurrent':
      return `a recurrent layer (${opType}): its steps share their weights, which are left alone`;
    case 'table':
      return `a table that ${opType} looks up: its rows are picked, so that no columns are multiplied`;
    case 'einsum':
      return 'a product by Einsum, which may sum over any axes';
    case 'quantised':
      return `its weights are quantised in a ${opType}, which no option dequantises`;
  }
  if (!isStandard(node)) return `${opType} is not a standard operator`;
  return `an operand of ${opType}, which is no product by a matrix`;
}

/** Why filters in groups have no columns that can be summed. */
function endingOf(node: NodeProto, { dims }: StoredTensor): string | undefined {
  if (intAttribute(node, 'group', 1) === 1) return undefined;
  return dims[1] === 1 ? 'each filter reads one channel, so that it has no columns to share' : LEAVES;
}

/** Filters have shape `[outputs, inputs per group, …kernel]`. */
function convolution(node: NodeProto, { dims }: StoredTensor): string {
  const size = dims.slice(2).join('×');
  if (intAttribute(node, 'group', 1) === 1) return `${size} convolution`;
  return dims[1] === 1 ? 'depthwise convolution' : `grouped ${size} convolution`;
}
