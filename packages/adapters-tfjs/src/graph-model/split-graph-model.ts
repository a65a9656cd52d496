/** Cuts a graph model in two: the named layers with everything after them, and what comes before. */
import type { Weight } from '../artifacts/weights.js';
import { givenNode } from './given-tensors.js';
import type { GraphModelFacts } from './graph-model-facts.js';
import { isControl, type NodeDef, nodeOf } from './nodes/node-def.js';

export interface GraphPart {
  readonly nodes: NodeDef[];
  readonly weights: Map<string, Weight>;
  readonly outputs: readonly string[];
}

/**
 * @param names layers or operations that belong to the tail, and with them all that depends on them
 * @returns undefined when the tail is the whole model, or the cut would go through a second output of a node
 */
export function splitGraphModel(
  facts: GraphModelFacts,
  names: readonly string[],
): { head: GraphPart; tail: GraphPart } | undefined {
  const { index } = facts;
  const inTail = new Set(names.flatMap((name) => facts.nodesCalled(name)));
  const readers = readersOf(index.nodes);
  // A set is gone through with what is added on the way.
  for (const node of inTail) for (const reader of readers.get(node.name) ?? []) inTail.add(reader);
  // Constants, and what is computed from them alone, is in both parts.
  const cheap = cheapNodes(index.nodes, readers);
  const boundary = new Set<string>();
  const repeated = new Set<NodeDef>();
  const pending = [...inTail].flatMap(dataInputs);
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    const node = index.producer(tensor);
    if (node === undefined || inTail.has(node) || repeated.has(node)) continue;
    if (cheap.has(node) || node.op.startsWith('Placeholder')) {
      repeated.add(node);
      pending.push(...dataInputs(node));
    } else {
      boundary.add(tensor);
    }
  }
  if (boundary.size === 0 || [...boundary].some((tensor) => nodeOf(tensor) !== tensor)) return undefined;
  const outputs = index.outputs.filter((output) => inTail.has(index.producer(output)!));
  const early = index.outputs.filter((output) => !outputs.includes(output) && !boundary.has(output));
  const headOutputs = [...boundary, ...early];
  const entries = [...boundary].map((tensor) => givenNode(tensor));
  const tail = index.nodes.filter((node) => inTail.has(node) || repeated.has(node)).map(withoutControl);
  return {
    head: part(facts, ancestors(facts, headOutputs), headOutputs),
    tail: part(facts, [...entries, ...tail], outputs),
  };
}

/** These nodes with their weights. */
export function part({ index }: GraphModelFacts, nodes: NodeDef[], outputs: readonly string[]): GraphPart {
  const names = new Set(nodes.map(({ name }) => name));
  return { nodes, outputs, weights: new Map([...index.weights].filter(([name]) => names.has(name))) };
}

function dataInputs({ input }: NodeDef): string[] {
  return input.filter((name) => !isControl(name));
}

function withoutControl(node: NodeDef): NodeDef {
  return node.input.some(isControl) ? { ...node, input: dataInputs(node) } : node;
}

/** The nodes that read anything of a node, by its name. */
function readersOf(nodes: readonly NodeDef[]): ReadonlyMap<string, readonly NodeDef[]> {
  const readers = new Map<string, NodeDef[]>();
  for (const node of nodes) {
    for (const name of new Set(node.input.map(nodeOf))) {
      const known = readers.get(name);
      if (known) known.push(node);
      else readers.set(name, [node]);
    }
  }
  return readers;
}

/** The nodes that compute from constants only. */
function cheapNodes(
  nodes: readonly NodeDef[],
  readers: ReadonlyMap<string, readonly NodeDef[]>,
): ReadonlySet<NodeDef> {
  const cheap = new Set(nodes.filter(({ op }) => op === 'Const'));
  const names = new Set([...cheap].map(({ name }) => name));
  for (const { name } of cheap) {
    for (const reader of readers.get(name) ?? []) {
      if (cheap.has(reader)) continue;
      const inputs = dataInputs(reader);
      if (inputs.length === 0 || !inputs.every((input) => names.has(nodeOf(input)))) continue;
      cheap.add(reader);
      names.add(reader.name);
    }
  }
  return cheap;
}

/**
 * The nodes that some tensors depend on.
 *
 * @param given tensors behind which nothing is looked for
 * @param instead nodes that take the place of others, by name
 */
export function ancestors(
  { index }: GraphModelFacts,
  tensors: readonly string[],
  given: ReadonlyMap<string, unknown> = new Map(),
  instead: ReadonlyMap<string, NodeDef> = new Map(),
): NodeDef[] {
  const found = new Set<NodeDef>();
  const pending = [...tensors];
  const nodeFor = (name: string): NodeDef | undefined => instead.get(name) ?? index.node(name);
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    const node = given.has(tensor) ? undefined : nodeFor(nodeOf(tensor));
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    pending.push(...(given.size > 0 ? dataInputs(node) : node.input));
  }
  return index.nodes.map(({ name }) => nodeFor(name)!).filter((node) => found.has(node));
}
