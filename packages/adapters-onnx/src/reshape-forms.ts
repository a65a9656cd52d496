/** The Reshapes that keep samples, features and their order, in the forms that exporters write them. */
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from './graph-index.js';
import { intAttribute, intsAttribute } from './onnx-protos.js';
import type { ShapeFacts } from './operators/operator.js';

/** A Reshape to `[batch, …, features, …]` with ones in all other places. */
export interface ReshapeForm {
  /** Length of the target shape. */
  readonly rank: number;
  /** The place of the features in the target shape, at least 1. */
  readonly axis: number;
  /** Number of features, undefined when the model leaves it to -1. */
  readonly features: number | undefined;
  /** Whether the first axis is known to be the batch, before and after. */
  readonly perSample: boolean;
  /** Whether the target is one constant, in which the number of features can be replaced. */
  readonly constant: boolean;
}

/** Recognises the form, or returns undefined for a Reshape that splits or merges features. */
export function reshapeForm(index: GraphIndex, shapes: ShapeFacts, node: NodeProto): ReshapeForm | undefined {
  if (intAttribute(node, 'allowzero', 0) === 1) return undefined;
  const constant = index.constantIntegers(node.input[1]);
  const target = constant ?? batchAndRest(index, node);
  if (target === undefined || target.length < 2) return undefined;
  const wide = target.flatMap((dim, axis) => (axis > 0 && dim !== 1 ? [axis] : []));
  const axis = wide.length > 0 ? wide[0]! : target.length - 1;
  const dim = target[axis]!;
  if (wide.length > 1 || dim === 0) return undefined;
  const first = target[0]!;
  if (constant === undefined && dim !== -1) return undefined;
  if (first === 0) {
    return {
      rank: target.length,
      axis,
      features: dim < 0 ? undefined : dim,
      perSample: true,
      constant: constant !== undefined,
    };
  }
  const input = shapes.shape(node.input[0]!);
  if (first > 0) {
    return {
      rank: target.length,
      axis,
      features: dim < 0 ? undefined : dim,
      perSample: input?.[0] === first,
      constant: true,
    };
  }
  const before = input?.at(-1);
  if (input !== undefined && input.length < 4 && before !== dim) return undefined;
  return { rank: target.length, axis, features: dim, perSample: false, constant: true };
}

/** `x.view(x.size(0), -1)` as traced: Concat of the batch, read by Shape, and constants. The batch is given as 0. */
function batchAndRest(index: GraphIndex, node: NodeProto): number[] | undefined {
  const concat = index.producer(node.input[1] ?? '');
  if (concat?.opType !== 'Concat' || concat.input.length < 2) return undefined;
  if (!isBatchOf(index, concat.input[0]!, node.input[0]!)) return undefined;
  const rest = concat.input.slice(1).map((name) => index.constantIntegers(name));
  return rest.some((part) => part === undefined) ? undefined : [0, ...rest.flatMap((part) => part!)];
}

function isBatchOf(index: GraphIndex, size: string, tensor: string): boolean {
  let node = index.producer(size);
  while (node?.opType === 'Unsqueeze' || node?.opType === 'Cast') node = index.producer(node.input[0]!);
  if (node === undefined) return false;
  if (node.opType === 'Shape') return node.input[0] === tensor && isBatchOnly(node);
  let shape = index.producer(node.input[0] ?? '');
  while (shape?.opType === 'Cast') shape = index.producer(shape.input[0]!);
  return shape?.opType === 'Shape' && shape.input[0] === tensor && picksBatch(index, node);
}

/** Whether a Shape node is read for nothing but the size of the first axis, which rewriting never changes. */
export function readsBatchOnly(index: GraphIndex, node: NodeProto): boolean {
  if (node.opType !== 'Shape') return false;
  return isBatchOnly(node) || onlyBatchIsPicked(index, node.output[0]!);
}

function onlyBatchIsPicked(index: GraphIndex, shape: string): boolean {
  if (index.isOutput(shape)) return false;
  return index
    .consumers(shape)
    .every((reader) =>
      reader.opType === 'Cast' ? onlyBatchIsPicked(index, reader.output[0]!) : picksBatch(index, reader),
    );
}

function isBatchOnly(shape: NodeProto): boolean {
  return intAttribute(shape, 'start', 0) === 0 && intAttribute(shape, 'end', 0) === 1;
}

function picksBatch(index: GraphIndex, node: NodeProto): boolean {
  if (node.opType === 'Gather') {
    const picked = index.constantIntegers(node.input[1]);
    return picked?.length === 1 && picked[0] === 0;
  }
  if (node.opType !== 'Slice') return false;
  const starts = intsAttribute(node, 'starts') ?? index.constantIntegers(node.input[1]);
  const ends = intsAttribute(node, 'ends') ?? index.constantIntegers(node.input[2]);
  const steps = index.constantIntegers(node.input[4]) ?? [1];
  return starts?.length === 1 && starts[0] === 0 && ends?.[0] === 1 && steps[0] === 1;
}
