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

export const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv2D', '_FusedConv2D']);

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
  if (!CONVOLUTIONS.has(node.op)) return undefined;
  const weights = index.constant(node.input[1]);
  if (weights === undefined) return 'its filters are no constant';
  const { shape, dtype, name: tensor } = weights.weight.spec;
  if (!isFloat(weights.weight)) return `its filters are of type ${dtype}`;
  if (shape.length !== 4 || shape.includes(0)) return `its filters have shape [${shape.join(', ')}]`;
  if (index.isFixed(nodeOf(node.input[0] ?? ''))) return 'constants alone compute its input';
  if (!channelsLast(node)) return 'it is channels-first';
  if (node.op === '_FusedConv2D' && !isWellFused(node)) return 'its operands do not fit its fused operations';
  if (index.isShared(weights)) return 'its filters are shared';
  const [inputs, outputs] = shape.slice(2) as [number, number];
  const window = windowOf(node, shape.slice(0, 2));
  if (window === undefined) return 'its padding is none that is known';
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
    input: node.input[0]!,
    shared: false,
  };
  return {
    layer,
    node,
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
 * Where a convolution looks.
 *
 * @param kernel sizes of a filter
 * @returns undefined for a padding that is not known, and for channels-first
 */
export function windowOf(node: NodeDef, kernel: readonly number[]): FilterWindow | undefined {
  if (!channelsLast(node)) return undefined;
  const along = (name: string): number[] => {
    const sizes = integers(node, name);
    return sizes.length === 4 ? sizes.slice(1, 3) : [1, 1];
  };
  const explicit = integers(node, 'explicit_paddings');
  const pads: Readonly<Record<string, FilterWindow['pads']>> = {
    SAME: 'same-upper',
    VALID: kernel.map(() => [0, 0] as const),
    EXPLICIT: kernel.map((_, axis) => [explicit[2 * axis + 2] ?? 0, explicit[2 * axis + 3] ?? 0] as const),
  };
  const own = pads[text(node, 'padding') ?? ''];
  return (
    own && { kernel, strides: along('strides'), dilations: along('dilations'), pads: own, channels: 'last' }
  );
}
