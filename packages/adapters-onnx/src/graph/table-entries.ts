/** How many entries the tables have in which an input's values are places. */
import { intAttribute, isStandard } from '../proto/onnx-protos.js';
import { dimsOf } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { TensorShapes } from './tensor-shapes.js';

/** Operators that give whole numbers on, in another order, shape or type. */
const PASSES = new Set(
  'Cast Concat Expand Flatten Identity Reshape Slice Split Squeeze Tile Transpose Unsqueeze'.split(' '),
);
/** Of com.microsoft's EmbedLayerNormalization: the words and the parts of the texts, and the tables that they are looked up in. */
const EMBEDDED = [
  [0, 2],
  [1, 4],
] as const;

/** Entries of the smallest table that is looked up by an input's values; undefined where there is none. */
export function tableEntries(index: GraphIndex, shapes: TensorShapes, input: string): number | undefined {
  const seen = new Set([input]);
  const sizes: number[] = [];
  // A set is gone through with what is added on the way.
  for (const tensor of seen) {
    for (const node of index.consumers(tensor)) {
      if (node.opType === 'Gather' && isStandard(node) && node.input[1] === tensor) {
        const size = lengthOf(node.input[0]!, intAttribute(node, 'axis', 0));
        if (size !== undefined) sizes.push(size);
      } else if (node.opType === 'GatherBlockQuantized' && node.input[1] === tensor) {
        const size = lengthOf(node.input[0]!, intAttribute(node, 'gather_axis', 0));
        if (size !== undefined) sizes.push(size);
      } else if (node.opType === 'EmbedLayerNormalization') {
        for (const [slot, table] of EMBEDDED) {
          const size = node.input[slot] === tensor ? lengthOf(node.input[table] ?? '', 0) : undefined;
          if (size !== undefined) sizes.push(size);
        }
      } else if (PASSES.has(node.opType) && isStandard(node)) {
        for (const output of node.output) if (output !== '') seen.add(output);
      }
    }
  }
  return sizes.length > 0 ? Math.min(...sizes) : undefined;

  /** The length of a table along an axis, where it is one: what is looked up in what the model computes are no places of a vocabulary. */
  function lengthOf(table: string, axis: number): number | undefined {
    const constant = index.constant(table);
    if (constant === undefined && index.constantMaker(table) === undefined) return undefined;
    const sizes = constant === undefined ? shapes.shape(table) : dimsOf(constant);
    return sizes?.[axis < 0 ? axis + sizes.length : axis];
  }
}
