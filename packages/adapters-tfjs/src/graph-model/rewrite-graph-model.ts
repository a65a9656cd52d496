/** Carries out core's instructions on a graph model. */
import {
  type DenseMatrix,
  type FeatureRewrite,
  featuresAfter,
  type InputForm,
  type LayerRewrite,
  type ModelRewrite,
  spanOf,
  transformFeatures,
  transpose,
  type WidthChange,
} from '@spherize/core';
import { storedAs, storedIntegers } from '../artifacts/storage.js';
import { floatValues, type Weight } from '../artifacts/weights.js';
import { axesInOrder, ordered } from './axis-order.js';
import { channelSum, clusterSum } from './cluster-sum.js';
import type { MatMulLayer } from './fc-layers.js';
import { GraphEditor } from './graph-editor.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import { fusedOperations, type NodeDef } from './nodes/node-def.js';
import { filterRoles } from './operations/filters.js';
import type { FeatureParameters } from './operations/operation.js';
import { operationOf } from './operations/operation-table.js';
import { isLying, uprightAttributes } from './upright-products.js';

/** @param widths what `checkRewrite` found out about the rewrite */
export function rewriteGraphModel(
  facts: GraphModelFacts,
  rewrite: ModelRewrite,
  widths: ReadonlyMap<string, WidthChange>,
): { nodes: NodeDef[]; weights: Map<string, Weight> } {
  const editor = new GraphEditor(facts.index);
  for (const change of rewrite.layers) {
    rewriteLayer(editor, facts.layer(change.layer), change);
    follow(facts, editor, widths.get(change.layer));
  }
  for (const change of rewrite.features) {
    rewriteFeatures(facts, editor, facts.operation(change.operation), change);
    follow(facts, editor, widths.get(change.operation));
  }
  return editor.finish();
}

export function rewriteLayer(editor: GraphEditor, target: MatMulLayer, rewrite: LayerRewrite): void {
  const { node, layer, weights, bias: old } = target;
  const { weights: matrix, bias, input } = rewrite;
  const stored = storedWeights(target, matrix);
  editor.setConstant(node, 1, weights, `${layer.name}/kernel`, (name) =>
    storedAs(weights.weight, layer.name, name, stored.shape, stored.values),
  );
  if (isLying(target)) editor.change(node, { attr: uprightAttributes(node) });
  if (input !== null) editor.setInput(node, target.filters?.input ?? 0, sumBefore(editor, target, input));
  if (bias !== null && old !== undefined) {
    const rank = old.source.weight.spec.shape.length;
    editor.setConstant(old.node, old.slot, old.source, `${layer.name}/bias`, (name) =>
      storedAs(old.source.weight, layer.name, name, [...Array<number>(rank - 1).fill(1), bias.length], bias),
    );
  } else if (bias !== null) {
    addBias(editor, target, bias);
  }
}

/** Weights as the node reads them. */
function storedWeights(target: MatMulLayer, matrix: DenseMatrix): { shape: number[]; values: Float32Array } {
  const { layer, filters } = target;
  if (filters === undefined) {
    const { rows, cols, data } = target.outputsFirst && !isLying(target) ? matrix : transpose(matrix);
    return { shape: [rows, cols], values: data };
  }
  const { kernel } = layer.window!;
  const roles = filterRoles(filters, kernel.length + 2);
  const counts = { input: matrix.cols, output: matrix.rows / spanOf(layer) };
  const shape = roles.map((role, axis) => (role === 'tap' ? kernel[axis]! : counts[role]));
  const axes = axesInOrder(roles);
  const sizes = axes.map((axis) => shape[axis]!);
  const back = roles.map((_, axis) => axes.indexOf(axis));
  return { shape, values: ordered(matrix.data, sizes, back) };
}

function sumBefore(editor: GraphEditor, { layer, weights, filters }: MatMulLayer, input: InputForm): string {
  const { name, window, outputs, input: tensor } = layer;
  if (window === undefined) return clusterSum(editor, name, tensor, input);
  const { shape } = weights.weight.spec;
  // Features may have left or come together before.
  const columns =
    input.gather === null ? membersOf(input) : shape[filterRoles(filters!, shape.length).indexOf('input')]!;
  // A transposed convolution multiplies at every position that it reads.
  const stride = window.back ? 1 : window.strides.reduce((product, step) => product * step, 1);
  const behind = { layer: name, columns, rows: outputs * spanOf(layer), stride, axes: window.kernel.length };
  return channelSum(editor, behind, tensor, input);
}

function membersOf({ groups }: InputForm): number {
  return groups.reduce((sum, { size, count }) => sum + size * count, 0);
}

/** The sum takes the product's name, by which others read it. */
function addBias(editor: GraphEditor, { node, layer }: MatMulLayer, bias: Float32Array): void {
  const { activation } = fusedOperations(node);
  const values = editor.addFloats(`${layer.name}/bias`, [bias.length], bias);
  if (node.op.startsWith('_Fused')) {
    const operations = ['BiasAdd', ...(activation ? [activation] : [])].map((name) => btoa(name));
    editor.change(node, {
      input: [...editor.node(node).input.slice(0, 2), values, ...editor.node(node).input.slice(2)],
      attr: {
        ...editor.node(node).attr,
        fused_ops: { list: { s: operations } },
        num_args: { i: String(operations.includes(btoa('Prelu')) ? 2 : 1) },
      },
    });
    return;
  }
  const product = editor.add(node.op, `${layer.name}/product`, editor.node(node).input, node.attr);
  editor.change(node, { op: 'AddV2', input: [product, values], attr: { T: { type: 'DT_FLOAT' } } });
}

/** Operations whose third operand is a bias or, without one, slopes. */
const FUSED = new Set(['_FusedConv2D', 'FusedDepthwiseConv2dNative']);

function parametersOf(
  { index }: GraphModelFacts,
  node: NodeDef,
  operation: string,
): (FeatureParameters & { slot: number })[] {
  if (operation === `${node.name}/Prelu`) {
    return [{ slot: fusedOperations(node).bias ? 3 : 2, scaling: 'none' }];
  }
  const biased = !FUSED.has(node.op) || fusedOperations(node).bias;
  return (operationOf(node.op)?.parameters ?? [])
    .map((own) => ({
      ...own,
      slot:
        own.slot === 'constant'
          ? node.input.findIndex((name) => index.constant(name) !== undefined)
          : own.slot,
    }))
    .filter(({ slot }) => slot !== 2 || biased);
}

function rewriteFeatures(
  facts: GraphModelFacts,
  editor: GraphEditor,
  node: NodeDef,
  { operation, order, scales, sums }: FeatureRewrite,
): void {
  for (const { slot, scaling, back = 0 } of parametersOf(facts, node, operation)) {
    const source = facts.index.constant(node.input[slot]);
    if (source === undefined) throw new Error(`${node.op} ${operation}: input ${slot} is no constant`);
    const { shape } = source.weight.spec;
    const axis = shape.length - 1 - back;
    const features = shape[axis]!;
    const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    const own = { order, scales: scaling === 'none' ? null : scales, sums };
    if (order === null && own.scales === null && sums === undefined) continue;
    const values = floatValues(source.weight);
    const changed = transformFeatures(
      values,
      [values.length / (features * inner), features, inner],
      own,
      scaling === 'divide' ? 'divide' : 'multiply',
    );
    const width = featuresAfter(own, features);
    editor.setConstant(node, slot, source, `${operation}/parameter${slot}`, (name) =>
      storedAs(source.weight, operation, name, shape.with(axis, width), changed),
    );
  }
}

/** Puts another number of features into the constant shapes of the Reshapes that they pass. */
function follow(facts: GraphModelFacts, editor: GraphEditor, width: WidthChange | undefined): void {
  if (width === undefined) return;
  const { index } = facts;
  const { from, to, through } = width;
  for (const node of through.map((name) => facts.operation(name))) {
    const target = node.op === 'Reshape' ? index.integers(node.input[1]) : undefined;
    if (!target?.includes(from)) continue;
    const source = index.constant(node.input[1])!;
    const shape = Int32Array.from(target, (size) => (size === from ? to : size));
    editor.setConstant(node, 1, source, `${node.name}/shape`, (name) =>
      storedIntegers(source.weight, name, [shape.length], shape),
    );
  }
}
