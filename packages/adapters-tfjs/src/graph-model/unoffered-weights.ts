/** Names every node of a graph model that holds weights and is no layer to compress, each with its reason. */
import type { SkippedLayer } from '@spherize/core';
import { isObject } from '../artifacts/json.js';
import { isFloat, sizeOf, type Weight } from '../artifacts/weights.js';
import { convolutionLayer, whyNotOffered } from './convolution-layers.js';
import { type MatMulLayer, nameOf, type UnfitProduct } from './fc-layers.js';
import type { GraphIndex } from './nodes/graph-index.js';
import { isControl, type NodeDef, nodeOf } from './nodes/node-def.js';
import { operationOf } from './operations/operation-table.js';

/**
 * @param unfit the products that are not offered, with their names and reasons
 * @param unique gives out the other names
 */
export function unofferedWeights(
  index: GraphIndex,
  layers: readonly MatMulLayer[],
  unfit: ReadonlyMap<NodeDef, UnfitProduct>,
  unique: (name: string) => string,
): SkippedLayer[] {
  const skipped: SkippedLayer[] = [];
  const counted = new Set(layers.map(({ weights }) => weights.weight));
  const sources = constantSources(index);
  for (const node of index.nodes) {
    if (sources.has(node.name)) continue;
    const operands = node.input.flatMap((name, slot) =>
      (sources.get(nodeOf(name)) ?? []).filter(
        (weight) => isWeight(weight) && !(isVector(weight) && isParameter(node, slot)),
      ),
    );
    const own = [...new Set(operands)].filter((weight) => !counted.has(weight));
    for (const weight of own) counted.add(weight);
    const known = unfit.get(node);
    if (known === undefined && own.length === 0) continue;
    const parameters = own.reduce((sum, { spec }) => sum + sizeOf(spec.shape), 0);
    const largest = own.toSorted((a, b) => sizeOf(b.spec.shape) - sizeOf(a.spec.shape))[0];
    skipped.push({
      ...(known ?? {
        name: unique(nameOf(node, { weight: largest! })),
        reason: reasonOf(index, node, largest!),
      }),
      parameters,
    });
  }
  const inside = functionsByNode(index);
  for (const [name, weight] of index.weights) {
    if (counted.has(weight) || !isWeight(weight)) continue;
    const held = inside.get(name);
    // Of the constants that nodes read, only vectors are left.
    if (held === undefined && isVector(weight)) continue;
    const reason =
      held === undefined
        ? 'nothing that depends on the inputs of the model reads it'
        : `it is inside a function (${held})`;
    skipped.push({ name: unique(name), reason, parameters: sizeOf(weight.spec.shape) });
  }
  return skipped;
}

/** By the names of nodes that are constants, or are computed from them alone: the weights that they are made of. */
function constantSources({ nodes, weights }: GraphIndex): ReadonlyMap<string, readonly Weight[]> {
  const sources = new Map<string, readonly Weight[]>();
  for (const { name, op, input } of nodes) {
    if (op === 'Const') {
      const weight = weights.get(name);
      sources.set(name, weight ? [weight] : []);
      continue;
    }
    const inputs = input.filter((tensor) => !isControl(tensor)).map((tensor) => sources.get(nodeOf(tensor)));
    if (inputs.length === 0 || inputs.includes(undefined)) continue;
    const filled = inputs.map((list) => list!.filter(isWeight)).filter((list) => list.length > 0);
    sources.set(name, filled.length < 2 ? (filled[0] ?? []) : [...new Set(filled.flat())]);
  }
  return sources;
}

function reasonOf(index: GraphIndex, node: NodeDef, { spec }: Weight): string {
  const own = convolutionLayer(index, node, node.name);
  if (own !== undefined) {
    const why = typeof own === 'string' ? own : (whyNotOffered(own) ?? 'it is compressed where it is named');
    return `a ${spec.shape.slice(0, -2).join('×')} convolution: ${why}`;
  }
  const { op } = node;
  return operationOf(op)?.unoffered?.(spec.shape) ?? `an operand of ${op}, which is no product by a matrix`;
}

function isWeight(weight: Weight): boolean {
  return isFloat(weight) && weight.spec.shape.length > 1;
}

/** One value per feature, however many axes of size 1 are around it. */
function isVector({ spec }: Weight): boolean {
  return spec.shape.filter((size) => size !== 1).length < 2;
}

/** Whether an operand of a node is a parameter of features rather than weights: fused nodes have both. */
function isParameter({ op }: NodeDef, slot: number): boolean {
  const vectors = operationOf(op)?.vectors;
  return vectors === 'all' || (vectors === 'all but weights' && slot !== 1);
}

/** The function that each node inside one belongs to. */
function functionsByNode({ functions }: GraphIndex): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { nodeDef, signature } of functions) {
    const name = isObject(signature) ? String(signature.name) : 'function';
    for (const node of Array.isArray(nodeDef) ? nodeDef : []) {
      if (isObject(node)) found.set(String(node.name), name);
    }
  }
  return found;
}
