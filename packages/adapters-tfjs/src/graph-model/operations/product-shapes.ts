/** Shapes of products, convolutions, pooling and what moves positions of images. */
import { channelsLast, flag, integer, integers, type NodeDef, text } from '../nodes/node-def.js';
import { contractionOf } from './einsum.js';
import type { Shape, ShapeRule } from './known-tensor.js';
import { broadcast } from './shape-rules.js';

const reads = (node: NodeDef, ...names: readonly string[]): boolean => names.some((name) => flag(node, name));

export const multiplied: ShapeRule = (node, known) => {
  const [left, right] = [known.shape(node.input[0]), known.shape(node.input[1])];
  if (left === undefined || right === undefined || left.length < 2 || right.length < 2) return [];
  const rows = reads(node, 'transpose_a', 'adj_x') ? left.at(-1) : left.at(-2);
  const columns = reads(node, 'transpose_b', 'adj_y') ? right.at(-2) : right.at(-1);
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  return batch ? [[...batch, rows, columns]] : [];
};

export const summedProduct: ShapeRule = (node, known) => {
  const terms = contractionOf(node, known);
  const sizes = new Map<string, number | undefined>();
  for (const [i, letters] of (terms?.inputs ?? []).entries()) {
    const shape = known.shape(node.input[i]);
    for (const [place, letter] of [...letters].entries())
      sizes.set(letter, sizes.get(letter) ?? shape?.[place]);
  }
  return terms ? [[...terms.output].map((letter) => sizes.get(letter))] : [];
};

/** @param spatial lengths of a filter per axis of positions */
function windowed(
  node: NodeDef,
  shape: Shape,
  spatial: readonly (number | undefined)[],
  channels: number | undefined,
): Shape {
  const last = channelsLast(node);
  const first = last ? 1 : 2;
  const along = (name: string, i: number): number => integers(node, name)[first + i] ?? 1;
  const pads = integers(node, 'explicit_paddings');
  const positions = spatial.map((window, i) => {
    const size = shape[first + i];
    if (size === undefined || window === undefined) return undefined;
    const stride = along('strides', i);
    const reach = (window - 1) * along('dilations', i) + 1;
    const padding = text(node, 'padding');
    if (padding === 'SAME') return Math.ceil(size / stride);
    const added =
      padding === 'EXPLICIT' ? (pads[2 * (first + i)] ?? 0) + (pads[2 * (first + i) + 1] ?? 0) : 0;
    return Math.max(0, Math.floor((size + added - reach) / stride) + 1);
  });
  return last ? [shape[0], ...positions, channels] : [shape[0], channels, ...positions];
}

export const convolved: ShapeRule = (node, known) => {
  const [shape, filters] = [known.shape(node.input[0]), known.shape(node.input[1])];
  if (shape === undefined || filters === undefined || filters.length !== shape.length) return [];
  return [windowed(node, shape, filters.slice(0, -2), filters.at(-1))];
};

export const convolvedEach: ShapeRule = (node, known) => {
  const [shape, filters] = [known.shape(node.input[0]), known.shape(node.input[1])];
  const [kh, kw, channels, multiplier] = filters ?? [];
  if (shape?.length !== 4 || channels === undefined || multiplier === undefined) return [];
  return [windowed(node, shape, [kh, kw], channels * multiplier)];
};

export const pooled: ShapeRule = (node, known) => {
  const shape = known.shape(node.input[0]);
  if (shape?.length !== 4) return [];
  const window = integers(node, 'ksize');
  const spatial = channelsLast(node) ? window.slice(1, 3) : window.slice(2, 4);
  return [windowed(node, shape, spatial, channelsLast(node) ? shape[3] : shape[1])];
};

export const resized: ShapeRule = ({ input }, known) => {
  const shape = known.shape(input[0]);
  const [height, width] = known.values(input[1]) ?? [];
  return shape?.length === 4 ? [[shape[0], height, width, shape[3]]] : [];
};

/** Positions and batch exchange; undefined lengths where blocks are not known. */
export function spread(batches: 'more' | 'fewer'): ShapeRule {
  return ({ input }, known) => {
    const [shape, blocks, edges] = [known.shape(input[0]), known.values(input[1]), known.values(input[2])];
    if (shape === undefined || blocks === undefined || edges === undefined) return [];
    const all = blocks.reduce((product, block) => product * block, 1);
    const [batch] = shape;
    const result = shape.map((size, axis) => {
      const block = blocks[axis - 1];
      if (size === undefined || block === undefined || axis === 0) return size;
      const edge = edges[2 * (axis - 1)]! + edges[2 * (axis - 1) + 1]!;
      return batches === 'more' ? (size + edge) / block : size * block - edge;
    });
    return [result.with(0, batch === undefined ? undefined : batches === 'more' ? batch * all : batch / all)];
  };
}

/** Channels become positions, or the other way round. */
export function exchanged(positions: 'more' | 'fewer'): ShapeRule {
  return (node, known) => {
    const shape = known.shape(node.input[0]);
    const block = integer(node, 'block_size');
    if (shape?.length !== 4 || block === undefined || !channelsLast(node)) return [];
    const factor = positions === 'more' ? block : 1 / block;
    const times = (size: number | undefined, by: number) => (size === undefined ? undefined : size * by);
    return [[shape[0], times(shape[1], factor), times(shape[2], factor), times(shape[3], 1 / factor ** 2)]];
  };
}
