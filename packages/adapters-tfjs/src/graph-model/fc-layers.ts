/** Finds the fully connected layers of a graph model: MatMul and _FusedMatMul with constant weights. */
import { type DenseMatrix, denseMatrix, type FcLayer, spanOf, transpose } from '@spherize/core';
import { floatValues, isFloat } from '../artifacts/weights.js';
import { axesInOrder, ordered } from './axis-order.js';
import type { ConstantSource, GraphIndex } from './nodes/graph-index.js';
import { flag, fusedOperations, isWellFused, type NodeDef, nodeOf } from './nodes/node-def.js';
import { type Filtering, filterRoles } from './operations/filters.js';

/** A constant operand of a node. */
export interface Operand {
  readonly node: NodeDef;
  readonly slot: number;
  readonly source: ConstantSource;
}

/** A fully connected layer, or a convolution that is compressed like one. */
export interface MatMulLayer {
  readonly layer: FcLayer;
  /** A product, or a convolution of the table of operations. */
  readonly node: NodeDef;
  /** How a convolution reads its image; undefined for a product. */
  readonly filters: Filtering | undefined;
  /** The node that adds the bias, when it is another one. */
  readonly add: NodeDef | undefined;
  readonly weights: ConstantSource;
  /** Whether the weights have shape `[outputs, inputs]`. */
  readonly outputsFirst: boolean;
  readonly bias: Operand | undefined;
  /** The activation of a fused node. */
  readonly activation: string | undefined;
}

const PRODUCTS = new Set(['MatMul', '_FusedMatMul']);
const ADDS = new Set(['BiasAdd', 'Add', 'AddV2']);
const WEIGHT_SUFFIX = /(?:\/MatMul\/ReadVariableOp(?:\/resource)?|[./_]weight|[./]kernel)(?:_\d+)?$/;

/** A product with constant weights that cannot be compressed. */
export interface UnfitProduct {
  readonly name: string;
  readonly reason: string;
}

export function findMatMulLayers(index: GraphIndex): {
  layers: MatMulLayer[];
  unfit: ReadonlyMap<NodeDef, UnfitProduct>;
  /** Makes a name unlike those of all layers and products, and of what it was asked for before. */
  unique: (name: string) => string;
} {
  const layers: MatMulLayer[] = [];
  const unfit = new Map<NodeDef, UnfitProduct>();
  const taken = new Set<string>();
  const unique = (name: string): string => {
    let own = name;
    for (let count = 2; taken.has(own); count++) own = `${name}#${count}`;
    taken.add(own);
    return own;
  };
  for (const node of index.nodes) {
    if (!PRODUCTS.has(node.op)) continue;
    const weights = index.constant(node.input[1]);
    if (weights === undefined) continue;
    const name = unique(nameOf(node, weights));
    const found = describe(index, node, weights, name);
    if (typeof found === 'string') unfit.set(node, { name, reason: found });
    else layers.push(found);
  }
  return { layers, unfit, unique };
}

/** W, shape `[outputs·span, inputs]`; a view into the file when that is how it is stored. */
export function layerWeights({ layer, weights, outputsFirst, filters }: MatMulLayer): DenseMatrix {
  const values = floatValues(weights.weight);
  if (filters !== undefined) {
    const { shape } = weights.weight.spec;
    const data = ordered(values, shape, axesInOrder(filterRoles(filters, shape.length)));
    return denseMatrix(layer.outputs * spanOf(layer), layer.inputs, data);
  }
  return outputsFirst
    ? denseMatrix(layer.outputs, layer.inputs, values)
    : transpose(denseMatrix(layer.inputs, layer.outputs, values));
}

/** The name that the author of some weights gave their layer, or the node's. */
export function nameOf(node: NodeDef, { weight }: Pick<ConstantSource, 'weight'>): string {
  const stem = weight.spec.name.replace(WEIGHT_SUFFIX, '');
  const automatic = /(?:^|\/)(?:Const|unknown)(?:_\d+)?$/.test(stem);
  return stem === '' || automatic ? node.name : stem;
}

function describe(
  index: GraphIndex,
  node: NodeDef,
  weights: ConstantSource,
  name: string,
): MatMulLayer | string {
  const { shape, dtype } = weights.weight.spec;
  if (!isFloat(weights.weight)) return `its weights are of type ${dtype}`;
  if (shape.length !== 2 || shape.includes(0)) return `its weights have shape [${shape.join(', ')}]`;
  if (index.isFixed(nodeOf(node.input[0] ?? ''))) return 'constants alone compute its input';
  if (flag(node, 'transpose_a')) return 'its input is transposed';
  if (node.op === '_FusedMatMul' && !isWellFused(node)) return 'its operands do not fit its fused operations';
  const outputsFirst = flag(node, 'transpose_b');
  const [outputs, inputs] = (outputsFirst ? shape : shape.toReversed()) as [number, number];
  const fused = node.op === '_FusedMatMul' ? fusedOperations(node) : { bias: false, activation: undefined };
  const bias = biasOf(index, node, outputs);
  if (fused.bias && bias === undefined) return 'what it adds is not one constant per output';
  const add = bias && bias.node !== node ? bias.node : undefined;
  return {
    layer: {
      name,
      aliases: [...new Set([node.name, weights.weight.spec.name])].filter((alias) => alias !== name),
      outputs,
      inputs,
      input: node.input[0]!,
      shared: index.isShared(weights),
    },
    node,
    filters: undefined,
    add,
    weights,
    outputsFirst,
    bias,
    activation: fused.activation,
  };
}

/** The bias of a product: an operand of a fused one, or of the node behind it that adds one constant per output, if it is the only reader. */
export function biasOf(index: GraphIndex, node: NodeDef, outputs: number): Operand | undefined {
  const fused = node.op.startsWith('_Fused');
  if (fused) return fusedOperations(node).bias ? operand(index, node, 2, outputs) : undefined;
  if (index.uses(node.name) !== 1) return undefined;
  const [add] = index.consumers(node.name);
  if (add === undefined || !ADDS.has(add.op)) return undefined;
  return operand(index, add, add.input[0] === node.name ? 1 : 0, outputs);
}

function operand(index: GraphIndex, node: NodeDef, slot: number, outputs: number): Operand | undefined {
  const source = index.constant(node.input[slot]);
  if (source === undefined || !isFloat(source.weight)) return undefined;
  const { shape } = source.weight.spec;
  const perOutput = shape.at(-1) === outputs && shape.slice(0, -1).every((size) => size === 1);
  return perOutput && shape.length <= 2 ? { node, slot, source } : undefined;
}
