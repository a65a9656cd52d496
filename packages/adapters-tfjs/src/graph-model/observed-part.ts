/** A part of a graph that computes some tensors, also those between a node's steps. */
import { type FlowOperation, InputError } from '@spherize/core';
import { intWeight, type Weight } from '../artifacts/weights.js';
import { givenNode } from './given-tensors.js';
import { constantNode } from './graph-editor.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import { fusedOperations, isControl, type NodeDef } from './nodes/node-def.js';
import { ancestors, type GraphPart, part } from './split-graph-model.js';

/** Fused nodes, and what they are without a bias and an activation. */
const PLAIN: Readonly<Record<string, string>> = {
  _FusedConv2D: 'Conv2D',
  _FusedMatMul: 'MatMul',
  FusedDepthwiseConv2dNative: 'DepthwiseConv2dNative',
};

/**
 * The nodes that these tensors need, which are its outputs, and no others. What a layer reads or makes inside of a node gets nodes of its own;
 * what it reads comes as `[positions, features]` where axes are merged.
 *
 * @param given tensors that come in; what lies inside of a node is made again, and what else is needed from the model's inputs
 * @throws InputError `UNSUPPORTED` for what a layer makes inside of a node that computes on with it
 */
export function observedPart(
  facts: GraphModelFacts,
  tensors: readonly string[],
  given: readonly string[] = [],
): GraphPart {
  const added = new Map<string, NodeDef>();
  const constants: Weight[] = [];
  const makers = given.map((tensor) => activationAfter(facts, tensor) ?? facts.index.producer(tensor));
  const entries = entriesFor(facts, given, makers);
  const instead = new Map(makers.flatMap((node) => (node === undefined ? [] : [[node.name, node]])));
  const roots = tensors.flatMap((tensor) => rootsOf(facts, tensor, added, constants));
  const { nodes, weights } = part(facts, ancestors(facts, roots, entries, instead), tensors);
  const made = [...nodes, ...added.values()].map((node) => reading(node, entries));
  const read = new Set([...made.flatMap(({ input }) => input), ...tensors]);
  const entered = [...entries].flatMap(([tensor, entry]) =>
    read.has(entry.name) || read.has(tensor) ? entry : [],
  );
  return {
    nodes: [...entered, ...constants.map(constantNode), ...made],
    weights: new Map([...weights, ...constants.map((weight) => [weight.spec.name, weight] as const)]),
    outputs: tensors,
  };
}

/** The Placeholders of what comes in, by tensor: what nodes make. Inputs of the model have theirs, and constants are at hand. */
function entriesFor(
  { index }: GraphModelFacts,
  given: readonly string[],
  makers: readonly (NodeDef | undefined)[],
): Map<string, NodeDef> {
  const entries = new Map<string, NodeDef>();
  for (const [i, tensor] of given.entries()) {
    const maker = makers[i];
    if (maker === undefined || maker.op.startsWith('Placeholder') || index.isFixed(maker.name)) continue;
    let name = `given/${i}`;
    while (index.node(name) !== undefined) name += '_';
    entries.set(tensor, givenNode(tensor, name));
  }
  return entries;
}

/**
 * The activation of a fused node, as a node of its own that reads what the layer makes before it; undefined where that tensor is none such, or
 * more happens to it.
 */
export function activationAfter(facts: GraphModelFacts, tensor: string): NodeDef | undefined {
  const { features } = facts;
  const step = features.stepTo(tensor);
  if (step?.flow.type !== 'layer' && step?.flow.type !== 'depthwise') return undefined;
  const node = features.nodeOf(step.name);
  const { activation } = fusedOperations(node);
  const steps = stepsOf(facts, node);
  if (!(node.op in PLAIN) || activation === undefined || steps.at(-2) !== step) return undefined;
  const { leakyrelu_alpha: alpha } = node.attr;
  const slopes = activation === 'Prelu' ? node.input.filter((name) => !isControl(name)).slice(3) : [];
  const attr = { T: { type: 'DT_FLOAT' }, ...(alpha !== undefined && { alpha }) };
  return { name: node.name, op: activation, input: [tensor, ...slopes], attr };
}

function stepsOf({ features }: GraphModelFacts, node: NodeDef): FlowOperation[] {
  return features.operations.filter(({ name }) => features.nodeOf(name) === node);
}

/** A node that reads Placeholders in place of what they stand for. Nothing says an order of what is made elsewhere. */
function reading(node: NodeDef, entries: ReadonlyMap<string, NodeDef>): NodeDef {
  if (entries.size === 0) return node;
  const input = node.input.filter((name) => !isControl(name)).map((name) => entries.get(name)?.name ?? name);
  return { ...node, input };
}

/** The tensors of nodes from which another one is made by nodes that are added for it. */
function rootsOf(
  facts: GraphModelFacts,
  tensor: string,
  added: Map<string, NodeDef>,
  constants: Weight[],
): readonly string[] {
  const { features } = facts;
  const step = features.stepTo(tensor);
  if (step === undefined) return [tensor];
  if (step.flow.type === 'layer' || step.flow.type === 'depthwise')
    return madeInside(facts, tensor, step, added, constants);
  const { flow, inputs } = step;
  if (!added.has(tensor)) {
    if (flow.type === 'transpose') moved(tensor, 'Transpose', inputs[0]!, flow.permutation, added, constants);
    else moved(tensor, 'Reshape', inputs[0]!, [-1, features.shape(tensor)!.at(-1)!], added, constants);
  }
  return rootsOf(facts, inputs[0]!, added, constants);
}

/** What a layer makes before the rest of its node: a copy of a fused node without its activation, or the node's result, moved back. */
function madeInside(
  facts: GraphModelFacts,
  tensor: string,
  step: FlowOperation,
  added: Map<string, NodeDef>,
  constants: Weight[],
): readonly string[] {
  const { features } = facts;
  const node = features.nodeOf(step.name);
  if (node.op in PLAIN) {
    const { bias } = fusedOperations(node);
    const { fused_ops: _, ...attr } = node.attr;
    const fused = { fused_ops: { list: { s: [btoa('BiasAdd')] } }, num_args: { i: '1' } };
    const input = node.input.slice(0, bias ? 3 : 2);
    added.set(tensor, {
      name: tensor,
      op: bias ? node.op : PLAIN[node.op]!,
      input,
      attr: bias ? { ...attr, ...fused } : attr,
    });
    return input;
  }
  const steps = stepsOf(facts, node);
  const later = steps.slice(steps.indexOf(step) + 1).toReversed();
  let from = node.name;
  for (const [i, { flow, inputs }] of later.entries()) {
    const name = i === later.length - 1 ? tensor : `${tensor}/back${i}`;
    if (flow.type === 'transpose') {
      const back = flow.permutation.map((_, axis) => flow.permutation.indexOf(axis));
      moved(name, 'Transpose', from, back, added, constants);
    } else if (flow.type === 'reshape') {
      const sizes = features.shape(inputs[0]!)!.map((size) => size ?? -1);
      moved(name, 'Reshape', from, sizes, added, constants);
    } else {
      throw new InputError(
        'UNSUPPORTED',
        `${node.name} computes on with what its weights give: it is not observed`,
      );
    }
    from = name;
  }
  return [node.name];
}

/** A node that moves values by a list of numbers. */
function moved(
  name: string,
  op: 'Transpose' | 'Reshape',
  input: string,
  told: readonly number[],
  added: Map<string, NodeDef>,
  constants: Weight[],
): void {
  const constant = intWeight(`${name}/told`, [told.length], Int32Array.from(told));
  constants.push(constant);
  added.set(name, { name, op, input: [input, constant.spec.name], attr: { T: { type: 'DT_FLOAT' } } });
}
