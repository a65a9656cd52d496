/** Convolutions of a graph model whose input channels can be clustered as the columns of fully connected layers are. */
import type { FilterWindow } from '@spherize/core';
import { isMemberSum } from '../artifacts/member-sums.js';
import { isFloat } from '../artifacts/weights.js';
import { biasOf, type MatMulLayer } from './fc-layers.js';
import type { GraphIndex } from './nodes/graph-index.js';
import {
  channelsLast,
  fusedOperations,
  integers,
  isWellFused,
  type NodeDef,
  nodeOf,
  text,
} from './nodes/node-def.js';
import { FORWARD, filterRoles } from './operations/filters.js';
import type { Shape } from './operations/known-tensor.js';
import { operationOf } from './operations/operation-table.js';
import { shapesOf } from './tensor-shapes.js';

/**
 * A convolution of one group with filters and a bias of its own.
 *
 * @returns why it is no layer, as the end of a sentence; undefined for any other node
 */
export function convolutionLayer(
  index: GraphIndex,
  node: NodeDef,
  name: string,
): MatMulLayer | string | undefined {
  const filters = operationOf(node.op)?.filters;
  if (filters === undefined) return undefined;
  const input = node.input[filters.input] ?? '';
  const weights = index.constant(node.input[1]);
  if (weights === undefined) return 'its filters are no constant';
  const { shape, dtype, name: tensor } = weights.weight.spec;
  if (!isFloat(weights.weight)) return `its filters are of type ${dtype}`;
  const axes = node.op === 'Conv3D' ? 3 : 2;
  if (shape.length !== axes + 2 || shape.includes(0)) return `its filters have shape [${shape.join(', ')}]`;
  if (index.isFixed(nodeOf(input))) return 'constants alone compute its input';
  if (!channelsLast(node)) return 'it is channels-first';
  if (node.op === '_FusedConv2D' && !isWellFused(node)) return 'its operands do not fit its fused operations';
  if (index.isShared(weights)) return 'its filters are shared';
  const roles = filterRoles(filters, shape.length);
  const [inputs, outputs] = (['input', 'output'] as const).map((role) => shape[roles.indexOf(role)]!) as [
    number,
    number,
  ];
  const window = windowOf(index, node, shape.slice(0, axes));
  if (typeof window === 'string') return window;
  const { bias: fused, activation } =
    node.op === '_FusedConv2D' ? fusedOperations(node) : { bias: false, activation: undefined };
  const bias = biasOf(index, node, outputs);
  if (fused && bias === undefined) return 'what it adds is not one constant per output';
  if (bias !== undefined && index.isShared(bias.source)) return 'its bias is shared';
  const add = bias && bias.node !== node ? bias.node : undefined;
  const layer = {
    name,
    aliases: [...new Set([node.name, tensor])].filter((alias) => alias !== name),
    outputs,
    inputs,
    window,
    input,
    shared: false,
  };
  return {
    layer,
    node,
    filters,
    add,
    weights,
    outputsFirst: false,
    bias,
    activation,
  };
}

/** Why a convolution that could be a layer is not offered as one. */
export function whyNotOffered({
  layer: { inputs },
  weights,
  bias,
  activation,
}: MatMulLayer): string | undefined {
  if (inputs < 2) return 'it reads one channel';
  const plain = bias === undefined && activation === undefined;
  return plain && isMemberSum(weights.weight) ? 'it adds up the members of clusters' : undefined;
}

/**
 * Where a convolution looks, channels-last.
 *
 * @param kernel sizes of a filter
 * @returns why that is not known, as the end of a sentence
 */
export function windowOf(index: GraphIndex, node: NodeDef, kernel: readonly number[]): FilterWindow | string {
  const along = (name: string): number[] => {
    const sizes = integers(node, name);
    return sizes.length === kernel.length + 2 ? sizes.slice(1, -1) : kernel.map(() => 1);
  };
  const [strides, dilations] = [along('strides'), along('dilations')];
  const { input, back } = operationOf(node.op)!.filters ?? FORWARD;
  if (back && dilations.some((step) => step !== 1))
    return 'it is dilated, which TensorFlow.js takes no notice of';
  const explicit = integers(node, 'explicit_paddings');
  const pads: Readonly<Record<string, FilterWindow['pads']>> = {
    SAME: 'same-upper',
    // Where nothing else is known, at least `stride` places of each position, as Keras makes them.
    VALID: kernel.map((size, axis) => [0, back ? Math.min(0, size - strides[axis]!) : 0] as const),
    EXPLICIT: kernel.map((_, axis) => [explicit[2 * axis + 2] ?? 0, explicit[2 * axis + 3] ?? 0] as const),
  };
  const own = pads[text(node, 'padding') ?? ''];
  if (own === undefined) return 'its padding is none that is known';
  const window = { kernel, strides, dilations, pads: own, channels: 'last' } as const;
  if (!back) return window;
  const shapes = shapesOf(index);
  const [read, made] = [shapes.shape(node.input[input]), shapes.shape(node.name)];
  return { ...window, back, pads: padsBack(window, read?.slice(1, -1), made?.slice(1, -1)) };
}

/** The zeros with which so many places become so many positions. */
function padsBack(
  { kernel, strides, pads }: FilterWindow,
  positions: Shape | undefined,
  places: Shape | undefined,
): FilterWindow['pads'] {
  if (positions === undefined || places === undefined) return pads;
  const all = kernel.map((size, axis) => (positions[axis]! - 1) * strides[axis]! + size - places[axis]!);
  return all.map((zeros, axis) => {
    const before = typeof pads === 'string' ? Math.floor(Math.max(0, zeros) / 2) : pads[axis]![0];
    return [before, zeros - before];
  });
}
