/** A part of a graph that computes some tensors, also those between a node's steps. */
import { intWeight, type Weight } from '../artifacts/weights.js';
import { constantNode } from './graph-editor.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import type { NodeDef } from './nodes/node-def.js';
import { ancestors, type GraphPart, part } from './split-graph-model.js';

/**
 * The nodes that these tensors need, which are its outputs, and no others. What a layer reads inside of a node gets nodes of its own, and,
 * where axes are merged, comes as `[positions, features]`.
 */
export function observedPart(facts: GraphModelFacts, tensors: readonly string[]): GraphPart {
  const added = new Map<string, NodeDef>();
  const constants: Weight[] = [];
  const roots = tensors.map((tensor) => rootOf(facts, tensor, added, constants));
  const { nodes, weights } = part(facts, ancestors(facts, roots), tensors);
  return {
    nodes: [...nodes, ...constants.map(constantNode), ...added.values()],
    weights: new Map([...weights, ...constants.map((weight) => [weight.spec.name, weight] as const)]),
    outputs: tensors,
  };
}

/** The tensor of a node from which another one is made by transposing and merging, for which nodes are added. */
function rootOf(
  facts: GraphModelFacts,
  tensor: string,
  added: Map<string, NodeDef>,
  constants: Weight[],
): string {
  const { features } = facts;
  const step = features.stepTo(tensor);
  if (step === undefined) return tensor;
  const { flow, inputs } = step;
  if (!added.has(tensor)) {
    const [told, op] =
      flow.type === 'transpose'
        ? [flow.permutation, 'Transpose']
        : [[-1, features.shape(tensor)!.at(-1)!], 'Reshape'];
    const constant = intWeight(`${tensor}/told`, [told.length], Int32Array.from(told));
    constants.push(constant);
    const attr = { T: { type: 'DT_FLOAT' } };
    added.set(tensor, { name: tensor, op, input: [inputs[0]!, constant.spec.name], attr });
  }
  return rootOf(facts, inputs[0]!, added, constants);
}
