/** How many entries the tables have in which an input's values are places. */
import type { GraphIndex } from './nodes/graph-index.js';

/** Operations that give whole numbers on, in another order, shape or type. */
const PASSES = new Set(
  'Cast ConcatV2 ExpandDims Identity Pack Reshape Slice Squeeze StridedSlice Tile Transpose'.split(' '),
);

/** Entries of the smallest table that is looked up by an input's values; undefined where there is none. */
export function tableEntries(index: GraphIndex, input: string): number | undefined {
  const seen = new Set([input]);
  const sizes: number[] = [];
  // A set is gone through with what is added on the way.
  for (const tensor of seen) {
    for (const { name, op, input: read } of index.consumers(tensor)) {
      if (PASSES.has(op)) {
        seen.add(name);
        continue;
      }
      const looksUp = (op === 'Gather' || op === 'GatherV2') && read[1] === tensor;
      const table = looksUp ? index.constant(read[0])?.weight.spec.shape : undefined;
      const axis = index.integers(read[2])?.[0] ?? 0;
      const size = table?.[axis < 0 ? axis + table.length : axis];
      if (size !== undefined) sizes.push(size);
    }
  }
  return sizes.length > 0 ? Math.min(...sizes) : undefined;
}
