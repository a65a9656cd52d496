/** How features pass products and convolutions. */
import type { FeatureFlow } from '@spherize/core';
import { isFloat } from '../../artifacts/weights.js';
import { flag, fusedOperations, isWellFused, type NodeDef, text } from '../nodes/node-def.js';
import { BACK, FORWARD, filterRoles } from './filters.js';
import { type AxisRole, channelAxis, type FlowRule, type FlowStep, type FlowWriter } from './flow.js';
import { constantsOf } from './flow-rules.js';
import type { Shape } from './known-tensor.js';

/** The sizes of constant floats; undefined for anything else. */
function weightsAt(node: NodeDef, slot: number, { index }: FlowWriter): readonly number[] | undefined {
  const weight = index.constant(node.input[slot])?.weight;
  return weight && isFloat(weight) ? weight.spec.shape : undefined;
}

/** What a fused node does behind its product. */
export function afterProduct(node: NodeDef, writer: FlowWriter): FlowStep[] {
  const { bias, activation } = fusedOperations(node);
  if (activation === undefined) return [];
  if (activation !== 'Prelu') return [{ flow: { type: 'elementwise', constants: [] }, activation }];
  const slot = bias ? 3 : 2;
  const constants = constantsOf(node, writer, [slot]) ?? [];
  const flow: FeatureFlow =
    constants.length === 0
      ? { type: 'other', reason: 'has slopes that are no constant' }
      : { type: 'elementwise', constants };
  return [{ flow, activation }];
}

interface Filters {
  readonly kind: 'product' | 'convolution';
  readonly roles: (rank: number) => readonly AxisRole[];
  /** The input that holds features. */
  readonly input?: number;
  readonly depthwise?: boolean;
}

function convolution({ kind, roles, input = 0, depthwise = false }: Filters): FlowRule {
  return (node, writer) => {
    const shape = weightsAt(node, 1, writer);
    if (shape === undefined) return 'has filters that are no constant floats';
    const fused = node.op.includes('Fused');
    if (fused && !isWellFused(node)) return 'has operands that do not fit what is fused';
    const { bias } = fused ? fusedOperations(node) : { bias: false };
    if (bias && weightsAt(node, 2, writer) === undefined) return 'has a bias that is no constant';
    const axis = channelAxis(text(node, 'data_format'), shape.length);
    return writer.does(
      node,
      [node.input[input]!],
      [
        {
          flow: {
            type: 'weighted',
            kind,
            slot: 1,
            roles: roles(shape.length),
            bias: bias ? 2 : undefined,
            depthwise,
            reads: axis,
            makes: axis,
          },
          shape: writer.shape(node.name),
        },
        ...(fused ? afterProduct(node, writer) : []),
      ],
    );
  };
}

export const convolves: FlowRule = convolution({
  kind: 'convolution',
  roles: (rank) => filterRoles(FORWARD, rank),
});

export const convolvesEach: FlowRule = convolution({
  kind: 'convolution',
  roles: () => ['tap', 'tap', 'output', 'output'],
  depthwise: true,
});

export const convolvesBack: FlowRule = convolution({
  kind: 'convolution',
  roles: (rank) => filterRoles(BACK, rank),
  input: BACK.input,
});

/** `[…, i, k] · […, k, j]`, with weights on the right, or of two tensors. */
export const multiplies: FlowRule = (node, writer) => {
  const [left, right] = node.input as [string, string];
  const [leftTurned, rightTurned] = [
    flag(node, 'transpose_a') || flag(node, 'adj_x'),
    flag(node, 'transpose_b') || flag(node, 'adj_y'),
  ];
  const shapes = [writer.shape(left), writer.shape(right)] as const;
  if (node.op === '_FusedMatMul' && (fusedOperations(node).bias || fusedOperations(node).activation))
    return 'has operands that do not fit what is fused';
  if (writer.varies(left) && !writer.varies(right))
    return multipliesByWeights(node, writer, leftTurned, rightTurned);
  if (!writer.varies(left)) {
    if (shapes[0]?.length !== 2 || rightTurned) return FROM_LEFT;
    const flow: FeatureFlow = { type: 'mixing', axes: [-2], dropped: false, reason: FROM_LEFT };
    return writer.does(node, [right], [{ flow }]);
  }
  if (shapes.some((shape) => shape === undefined || shape.length < 2))
    return 'multiplies tensors of unknown shapes';
  const sides = [
    leftTurned ? turned(node, writer, left, shapes[0]!) : left,
    rightTurned ? turned(node, writer, right, shapes[1]!) : right,
  ];
  return writer.does(node, sides, [{ flow: { type: 'contraction' } }]);
};

const FROM_LEFT = 'multiplies them by a constant from the left';

function multipliesByWeights(
  node: NodeDef,
  writer: FlowWriter,
  leftTurned: boolean,
  rightTurned: boolean,
): string | undefined {
  const weights = weightsAt(node, 1, writer);
  const left = node.input[0]!;
  const shape = writer.shape(left);
  if (weights === undefined) return 'has weights that are no floats';
  if (weights.length < 2 || weights.slice(0, -2).some((size) => size !== 1))
    return 'multiplies by a matrix of its own in every place';
  if (leftTurned && shape === undefined) return 'reads a tensor of unknown shape';
  const [one, other]: [AxisRole, AxisRole] = rightTurned ? ['output', 'input'] : ['input', 'output'];
  const input = leftTurned ? turned(node, writer, left, shape!) : left;
  const roles = [...weights.slice(0, -2).map((): AxisRole => 'tap'), one, other];
  return writer.does(
    node,
    [input],
    [{ flow: { type: 'weighted', kind: 'product', slot: 1, roles, bias: undefined, reads: -1, makes: -1 } }],
  );
}

/** A tensor with its last two axes exchanged. */
function turned(node: NodeDef, writer: FlowWriter, tensor: string, shape: Shape): string {
  const rank = shape.length;
  const permutation = [...shape.keys()];
  [permutation[rank - 1], permutation[rank - 2]] = [rank - 2, rank - 1];
  return writer.prepares(
    node,
    [tensor],
    [{ flow: { type: 'transpose', permutation }, shape: permutation.map((axis) => shape[axis]) }],
  );
}
