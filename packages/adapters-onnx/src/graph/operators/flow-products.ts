/** How features move through operators that multiply by weights, or by one another. */
import type { ConstantOperand, FeatureFlow } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { floatAttribute, intAttribute } from '../../proto/onnx-protos.js';
import { dimsOf, isFloatType } from '../../proto/tensor-values.js';
import type { FlowRule, FlowStep, WeightsFlow } from './flow-rules.js';
import type { ShapeContext } from './operator.js';

export const EACH: FeatureFlow = { type: 'elementwise', constants: [] };

export function other(reason: string): FeatureFlow {
  return { type: 'other', reason };
}

/** The shape of a constant of floats; undefined where it is none. */
function floats(node: NodeProto, slot: number, { index }: ShapeContext): readonly number[] | undefined {
  const source = index.constantSource(node.input[slot] ?? '');
  if (source === undefined || !isFloatType(source.tensor.dataType) || source.quantised.length > 0)
    return undefined;
  const dims = dimsOf(source.tensor);
  return source.transposed ? dims.toReversed() : dims;
}

export function weighs(
  node: NodeProto,
  context: ShapeContext,
  kind: WeightsFlow['kind'],
  layout: WeightsFlow['layout'],
): WeightsFlow | FeatureFlow {
  const filters = floats(node, 1, context);
  if (filters === undefined || filters.length < 2)
    return other(`has ${kind === 'convolution' ? 'filters' : 'weights'} that are no constant floats`);
  const bias = node.input[2] ? 2 : undefined;
  if (bias !== undefined && floats(node, bias, context) === undefined)
    return other('has a bias that is no constant');
  return {
    type: 'weights',
    kind,
    bias,
    layout,
    groups: kind === 'convolution' ? intAttribute(node, 'group', 1) : 1,
    axis: kind === 'convolution' ? 1 - filters.length : -1,
  };
}

export const convolves: FlowRule = (node, context) => [
  { flow: weighs(node, context, 'convolution', 'outputs first'), inputs: [node.input[0]!] },
];

export const convolvesBack: FlowRule = (node, context) => [
  { flow: weighs(node, context, 'convolution', 'inputs first'), inputs: [node.input[0]!] },
];

/** With a sum, and an activation behind it. */
export const convolvesFused: FlowRule = (node, context) => {
  const product = `${node.output[0]}#product`;
  const [step] = convolves(node, context) as readonly [FlowStep];
  if (!node.input[3]) return [step];
  return [
    { ...step, outputs: [product] },
    { flow: { type: 'elementwise', constants: [], adds: true }, inputs: [product, node.input[3]] },
  ];
};

/** onnxruntime's product with a factor, whose operands may be transposed. */
export const multipliesFused: FlowRule = (node, context) => {
  const { index, shapes } = context;
  const turned = (name: string): boolean => intAttribute(node, name, 0) === 1;
  if (turned('transBatchA') || turned('transBatchB')) return other('exchanges axes of its operands');
  const [left, right] = node.input as [string, string];
  if (index.constantSource(right) !== undefined) {
    if (turned('transA')) return other('transposes its input');
    return [{ flow: weighs(node, context, 'product', turned('transB') ? 'outputs first' : 'inputs first') }];
  }
  const ranks = [left, right].map((name) => shapes.rank(name));
  if (ranks.some((rank) => rank === undefined || rank < 2)) return undefined;
  const steps: FlowStep[] = [];
  const operands = [left, right].map((name, i) => {
    if (!turned(i === 0 ? 'transA' : 'transB')) return name;
    const rank = ranks[i]!;
    const permutation = Array.from({ length: rank }, (_, axis) => axis);
    [permutation[rank - 1], permutation[rank - 2]] = [rank - 2, rank - 1];
    const output = `${node.output[0]}#${i}`;
    steps.push({ flow: { type: 'transpose', permutation }, inputs: [name], outputs: [output] });
    return output;
  });
  return [...steps, { flow: { type: 'contraction' }, inputs: operands }];
};

/** onnxruntime's Gemm with an activation. */
export const multipliesAndActivates: FlowRule = (node, context) => {
  if (intAttribute(node, 'transA', 0) === 1) return other('transposes its input');
  if (floatAttribute(node, 'alpha', 1) !== 1 || floatAttribute(node, 'beta', 1) !== 1)
    return other('has factors for its product and its bias');
  const layout = intAttribute(node, 'transB', 0) === 1 ? 'outputs first' : 'inputs first';
  return [{ flow: weighs(node, context, 'product', layout) }];
};

/** `x + y (+ bias)`, then a normalisation over the last axis. */
export const addsAndNormalises: FlowRule = (node, { index }) => {
  const sums = node.input.slice(0, 2);
  const constant = (slot: number): ConstantOperand[] => {
    const source = node.input[slot] ? index.constantSource(node.input[slot]) : undefined;
    return source === undefined ? [] : [{ slot, shape: dimsOf(source.tensor) }];
  };
  const bias = node.opType === 'SkipLayerNormalization' ? 4 : 3;
  const sum = node.output[3] || `${node.output[0]}#sum`;
  return [
    { flow: { type: 'elementwise', constants: constant(bias), adds: true }, inputs: sums, outputs: [sum] },
    {
      flow: { type: 'mixing', axes: [-1], dropped: false, reason: 'normalises over them' },
      inputs: [sum],
      outputs: [node.output[0]!],
    },
  ];
};
