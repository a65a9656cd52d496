/** Operations that move, cut, join and repeat what convolutions make: behind `h`, shape `[2, 4, 4, 8]`. */
import { IMAGE, type PlantedBuilder, POOL } from './planted.js';

/** Returns a tensor of four axes. */
export type LayoutCase = (b: PlantedBuilder, h: string) => string;

const N = (count: number) => ({ N: { i: String(count) } });
const axis = (own: number) => ({ axis: { i: String(own) } });

function strided(
  b: PlantedBuilder,
  h: string,
  [begin, end, steps]: readonly (readonly number[])[],
  masks: Record<string, number> = {},
): string {
  const attr = Object.fromEntries(Object.entries(masks).map(([name, value]) => [name, { i: String(value) }]));
  return b.op('StridedSlice', [h, b.ints(begin!), b.ints(end!), b.ints(steps!)], attr);
}

export const LAYOUT_CASES: Readonly<Record<string, LayoutCase>> = {
  'Pad of positions': (b, h) => b.op('Pad', [h, b.ints([0, 0, 1, 1, 0, 2, 0, 0], [4, 2])]),
  'Pad of channels': (b, h) => b.op('Pad', [h, b.ints([0, 0, 0, 0, 0, 0, 1, 2], [4, 2])]),
  'Pad of positions and channels': (b, h) => b.op('Pad', [h, b.ints([0, 0, 1, 0, 0, 1, 0, 2], [4, 2])]),
  'PadV2 of positions': (b, h) => b.op('PadV2', [h, b.ints([0, 0, 1, 1, 0, 2, 0, 0], [4, 2]), b.scalar(0.5)]),
  'MirrorPad of positions': (b, h) =>
    b.op('MirrorPad', [h, b.ints([0, 0, 1, 1, 1, 1, 0, 0], [4, 2])], { mode: { s: btoa('REFLECT') } }),
  'Split of channels into halves': (b, h) => {
    const split = b.op('Split', [b.ints([3], true), h], { num_split: { i: '2' } });
    return b.op('Mul', [split, b.op('Sigmoid', [`${split}:1`])]);
  },
  'SplitV of channels': (b, h) => {
    const split = b.op('SplitV', [h, b.ints([2, -1]), b.ints([3], true)], { num_split: { i: '2' } });
    return b.op('ConcatV2', [`${split}:1`, split, b.ints([-1], true)], N(2));
  },
  'Slice of positions': (b, h) => b.op('Slice', [h, b.ints([0, 1, 0, 0]), b.ints([-1, 2, 4, 8])]),
  'Slice of channels': (b, h) => b.op('Slice', [h, b.ints([0, 0, 0, 2]), b.ints([-1, -1, -1, 6])]),
  'StridedSlice of positions, in steps': (b, h) =>
    strided(
      b,
      h,
      [
        [0, 0, 1, 0],
        [0, 4, 4, 8],
        [1, 2, 1, 1],
      ],
      { begin_mask: 1, end_mask: 1 },
    ),
  'StridedSlice of channels': (b, h) =>
    strided(
      b,
      h,
      [
        [0, -6],
        [0, -2],
        [1, 1],
      ],
      { ellipsis_mask: 1 },
    ),
  'StridedSlice of one channel, which gets its axis back': (b, h) =>
    strided(
      b,
      strided(
        b,
        h,
        [
          [0, 3],
          [0, 4],
          [1, 1],
        ],
        { ellipsis_mask: 1, shrink_axis_mask: 2 },
      ),
      [
        [0, 0],
        [0, 0],
        [1, 1],
      ],
      { ellipsis_mask: 1, new_axis_mask: 2 },
    ),
  'StridedSlice of one row, which gets its axis back': (b, h) =>
    strided(
      b,
      strided(
        b,
        h,
        [
          [0, 1],
          [0, 2],
          [1, 1],
        ],
        { begin_mask: 1, end_mask: 1, shrink_axis_mask: 2 },
      ),
      [
        [0, 0],
        [0, 0],
        [1, 1],
      ],
      { begin_mask: 1, end_mask: 1, new_axis_mask: 2 },
    ),
  'Pack and Unpack of channels': (b, h) => {
    const stack = b.op('Pack', [h, b.op('Relu', [h])], { ...N(2), ...axis(1) });
    const parts = b.op('Unpack', [stack], { num: { i: '2' }, ...axis(1) });
    return b.op('AddV2', [parts, `${parts}:1`]);
  },
  'Unpack of channels': (b, h) => {
    const parts = b.op('Unpack', [h], { num: { i: '8' }, ...axis(-1) });
    return b.op('Pack', [parts, `${parts}:3`], { ...N(2), ...axis(-1) });
  },
  'GatherV2 of neighbouring channels': (b, h) =>
    b.op('GatherV2', [h, b.ints([2, 3, 4, 5]), b.ints([-1], true)]),
  'GatherV2 of any channels': (b, h) => b.op('GatherV2', [h, b.ints([5, 0, 3]), b.ints([3], true)]),
  'GatherV2 of rows': (b, h) => b.op('GatherV2', [h, b.ints([3, 0]), b.ints([1], true)]),
  'Tile of positions': (b, h) => b.op('Tile', [h, b.ints([1, 2, 1, 1])]),
  'Tile of channels': (b, h) => b.op('Tile', [h, b.ints([1, 1, 1, 2])]),
  ResizeBilinear: (b, h) => b.op('ResizeBilinear', [h, b.ints([7, 5])]),
  ResizeNearestNeighbor: (b, h) => b.op('ResizeNearestNeighbor', [h, b.ints([8, 8])]),
  'a dilated convolution of SpaceToBatchND': (b, h) => {
    const [blocks, edges] = [b.ints([2, 2]), b.ints([0, 0, 0, 0], [2, 2])];
    const apart = b.op('SpaceToBatchND', [h, blocks, edges]);
    return b.op('BatchToSpaceND', [b.depthwise(apart, 'dilated', 3, 8), blocks, edges]);
  },
  DepthToSpace: (b, h) => b.op('DepthToSpace', [h], { ...IMAGE, block_size: { i: '2' } }),
  pooling: (b, h) => b.op('AvgPool', [b.op('MaxPool', [h], POOL)], POOL),
  'a mean of positions that is put back': (b, h) => {
    const mean = b.op('Mean', [h, b.ints([1, 2])], { keep_dims: { b: false } });
    return b.op('Reshape', [b.op('Sub', [mean, b.scalar(0.1)]), b.ints([-1, 1, 1, 8])]);
  },
  'a sum with its own mean': (b, h) =>
    b.op('SquaredDifference', [h, b.op('Mean', [h, b.ints([1, 2])], { keep_dims: { b: true } })]),
  'a mean of channels': (b, h) => b.op('Mean', [h, b.ints([-1])], { keep_dims: { b: true } }),
  'a Softmax of channels': (b, h) => b.op('Softmax', [h]),
  'positions in a row, and back': (b, h) => {
    const row = b.op('Reshape', [h, b.ints([-1, 16, 8])]);
    return b.op('Reshape', [b.op('BiasAdd', [row, b.repeated('row/bias', [8], [0])]), b.ints([-1, 4, 4, 8])]);
  },
  'channels first, and back': (b, h) => {
    const first = b.op('Transpose', [h, b.ints([0, 3, 1, 2])]);
    const scaled = b.op('Mul', [first, b.repeated('first/scale', [8, 1, 1], [0])]);
    return b.op('Transpose', [scaled, b.ints([0, 2, 3, 1])]);
  },
  'an axis more and less': (b, h) =>
    b.op('Squeeze', [b.op('ExpandDims', [h, b.ints([1], true)])], { squeeze_dims: { list: { i: ['1'] } } }),
  'ConcatV2 with what is put in': (b, h) => b.op('ConcatV2', [h, 'x', b.ints([3], true)], N(2)),
  'one value for all channels': (b, h) =>
    b.op('Mul', [h, b.op('Sigmoid', [b.op('Mean', ['x', b.ints([1, 2, 3])], { keep_dims: { b: true } })])]),
  'depthwise filters, two for each channel': (b, h) =>
    b.fused(
      'FusedDepthwiseConv2dNative',
      b.fresh('deep'),
      [h, b.repeated('deep/kernel', [3, 3, 8, 2], [2]), b.repeated('deep/bias', [16], [0])],
      ['BiasAdd', 'Relu6'],
      IMAGE,
    ),
  'a constant that two operations use': (b, h) => {
    const shared = b.repeated('shared', [8], [0]);
    return b.op('Mul', [b.op('AddV2', [h, shared]), shared]);
  },
  'weights that two convolutions use': (b, h) => {
    const filters = b.repeated('both/kernel', [1, 1, 8, 8], [3]);
    return b.op('Conv2D', [b.op('Conv2D', [h, filters], IMAGE), filters], IMAGE);
  },
};
