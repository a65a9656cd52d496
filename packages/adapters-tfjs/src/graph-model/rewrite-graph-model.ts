/** Carries out core's instructions on a graph model. */
import {
  type FeatureRewrite,
  InputError,
  type LayerRewrite,
  type ModelRewrite,
  transpose,
} from '@spherize/core';
import { floatValues, floatWeight, intWeight, type Weight } from '../artifacts/weights.js';
import { clusterSum } from './cluster-sum.js';
import type { MatMulLayer } from './fc-layers.js';
import { GraphEditor } from './graph-editor.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import { fusedOperations, type NodeDef } from './node-def.js';
import { isLying, uprightAttributes } from './upright-products.js';

/** @throws InputError `UNKNOWN_NAME` for a layer or operation that the model does not have */
export function rewriteGraphModel(
  facts: GraphModelFacts,
  rewrite: ModelRewrite,
): { nodes: NodeDef[]; weights: Map<string, Weight> } {
  const editor = new GraphEditor(facts.index);
  for (const change of rewrite.layers) {
    const target = facts.layer(change.layer);
    rewriteLayer(editor, target, change);
    if (change.weights.rows !== target.layer.outputs) {
      resize(facts, editor, target.add ?? target.node, target.layer.outputs, change.weights.rows);
    }
  }
  for (const change of rewrite.features) {
    const node = facts.operation(change.operation);
    const features = rewriteFeatures(facts, editor, node, change);
    if (change.order !== null && /Conv/.test(node.op) && features !== change.order.length) {
      resize(facts, editor, node, features, change.order.length);
    }
  }
  return editor.finish();
}

function rewriteLayer(editor: GraphEditor, target: MatMulLayer, rewrite: LayerRewrite): void {
  const { node, layer, weights, bias: old } = target;
  const lying = isLying(target);
  const outputsFirst = target.outputsFirst && !lying;
  const { weights: matrix, bias, input } = rewrite;
  const clusters = input?.groups.reduce((sum, { count }) => sum + count, 0) ?? matrix.cols;
  if (clusters !== matrix.cols || clusters === 0) {
    throw new Error(`${layer.name}: ${clusters} clusters but weights of ${matrix.cols} columns`);
  }
  const stored = outputsFirst ? matrix : transpose(matrix);
  editor.setConstant(node, 1, weights, `${layer.name}/kernel`, (name) =>
    floatWeight(name, [stored.rows, stored.cols], stored.data),
  );
  if (lying) editor.change(node, { attr: uprightAttributes(node) });
  if (input !== null) editor.setInput(node, 0, clusterSum(editor, layer.name, node.input[0]!, input));
  if (bias !== null && old !== undefined) {
    const rank = old.source.weight.spec.shape.length;
    editor.setConstant(old.node, old.slot, old.source, `${layer.name}/bias`, (name) =>
      floatWeight(name, [...Array<number>(rank - 1).fill(1), bias.length], bias),
    );
  } else if (bias !== null) {
    addBias(editor, target, bias);
  }
}

/** The sum takes the product's name, by which others read it. */
function addBias(editor: GraphEditor, { node, layer }: MatMulLayer, bias: Float32Array): void {
  const { activation } = fusedOperations(node);
  const values = editor.addFloats(`${layer.name}/bias`, [bias.length], bias);
  if (node.op === '_FusedMatMul') {
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
  const product = editor.add('MatMul', `${layer.name}/product`, editor.node(node).input, node.attr);
  editor.change(node, { op: 'AddV2', input: [product, values], attr: { T: { type: 'DT_FLOAT' } } });
}

interface Parameter {
  readonly slot: number;
  readonly scaling: 'multiply' | 'divide' | 'none';
}

function parametersOf(facts: GraphModelFacts, node: NodeDef, operation: string): readonly Parameter[] {
  const constant = (slot: number) => facts.index.constant(node.input[slot]) !== undefined;
  if (operation === `${node.name}/Prelu`) {
    return [{ slot: fusedOperations(node).bias ? 3 : 2, scaling: 'none' }];
  }
  switch (node.op) {
    case 'Conv1D':
    case 'Conv2D':
    case 'Conv3D':
      return [{ slot: 1, scaling: 'multiply' }];
    case '_FusedConv2D':
      return [
        { slot: 1, scaling: 'multiply' },
        ...(fusedOperations(node).bias ? [{ slot: 2, scaling: 'multiply' } as const] : []),
      ];
    case 'Prelu':
      return [{ slot: 1, scaling: 'none' }];
    case 'FusedBatchNorm':
    case 'FusedBatchNormV2':
    case 'FusedBatchNormV3':
      return [1, 2, 3, 4].map((slot) => ({ slot, scaling: slot < 3 ? 'multiply' : 'none' }));
    case 'RealDiv':
    case 'Div':
      return [{ slot: 1, scaling: 'divide' }];
    default:
      return [{ slot: constant(1) ? 1 : 0, scaling: 'multiply' }];
  }
}

/** Returns how many features there were. */
function rewriteFeatures(
  facts: GraphModelFacts,
  editor: GraphEditor,
  node: NodeDef,
  { operation, order, scales }: FeatureRewrite,
): number {
  let features = 0;
  for (const { slot, scaling } of parametersOf(facts, node, operation)) {
    const source = facts.index.constant(node.input[slot]);
    if (source === undefined) throw new Error(`${node.op} ${operation}: input ${slot} is no constant`);
    const { shape } = source.weight.spec;
    features = shape.at(-1)!;
    const factors = scaling === 'none' ? null : scales;
    if (order === null && factors === null) continue;
    const values = floatValues(source.weight);
    const rows = values.length / features;
    const width = order?.length ?? features;
    const changed = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < width; i++) {
        const value = values[row * features + (order ? order[i]! : i)]!;
        const factor = factors ? factors[i]! : 1;
        changed[row * width + i] = scaling === 'divide' ? value / factor : value * factor;
      }
    }
    editor.setConstant(node, slot, source, `${operation}/parameter${slot}`, (name) =>
      floatWeight(name, [...shape.slice(0, -1), width], changed),
    );
  }
  return features;
}

/** The number of features of a node's output changed: follows it through the Reshapes up to the next layers. */
function resize(
  facts: GraphModelFacts,
  editor: GraphEditor,
  start: NodeDef,
  before: number,
  after: number,
): void {
  const { index } = facts;
  const visited = new Set<NodeDef>();
  const pending = [start];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (index.outputs.includes(node.name)) {
      throw new InputError(
        'UNSUPPORTED',
        `${start.name}: its ${before} features reach the model's output ${node.name}`,
      );
    }
    for (const reader of index.consumers(node.name)) {
      if (visited.has(reader) || facts.isLayerNode(reader)) continue;
      visited.add(reader);
      const target = reader.op === 'Reshape' ? index.integers(reader.input[1]) : undefined;
      if (target?.includes(before)) {
        const source = index.constant(reader.input[1])!;
        const shape = Int32Array.from(target, (size) => (size === before ? after : size));
        editor.setConstant(reader, 1, source, `${reader.name}/shape`, (name) =>
          intWeight(name, [shape.length], shape),
        );
      }
      pending.push(reader);
    }
  }
}
