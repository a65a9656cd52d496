/**
 * Turns the weights of fused products so that they are read as they lie.
 *
 * The wasm backend of TensorFlow.js 4.22 computes `_FusedMatMul` with `transpose_b` wrongly from the second sample on, so such a
 * product is never left to a runtime.
 */
import { transpose } from '@spherize/core';
import { floatWeight, type Weight } from '../artifacts/weights.js';
import { layerWeights, type MatMulLayer } from './fc-layers.js';
import { GraphEditor } from './graph-editor.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import type { NodeDef } from './nodes/node-def.js';

/** Whether a layer's weights have to be turned before the model runs. */
export function isLying({ node, outputsFirst }: MatMulLayer): boolean {
  return node.op === '_FusedMatMul' && outputsFirst;
}

/** The attributes of a node that reads its weights as they lie. */
export function uprightAttributes({ attr }: NodeDef): NodeDef['attr'] {
  return { ...attr, transpose_b: { b: false } };
}

/** The graph with all such products upright; undefined when they already are. */
export function withUprightProducts(
  facts: GraphModelFacts,
): { nodes: NodeDef[]; weights: Map<string, Weight> } | undefined {
  const lying = facts.layers.filter(isLying);
  if (lying.length === 0) return undefined;
  const editor = new GraphEditor(facts.index);
  for (const layer of lying) {
    const { rows, cols, data } = transpose(layerWeights(layer));
    editor.setConstant(layer.node, 1, layer.weights, `${layer.layer.name}/kernel`, (name) =>
      floatWeight(name, [rows, cols], data),
    );
    editor.change(layer.node, { attr: uprightAttributes(layer.node) });
  }
  return editor.finish();
}
