/** Who makes and who reads the tensors of a graph, and which of them are constants. */

import type { Artifacts } from '../../artifacts/artifacts.js';
import { isObject, type JsonObject } from '../../artifacts/json.js';
import { intValues, type Weight, type Weights } from '../../artifacts/weights.js';
import { isControl, type NodeDef, nodeOf, parseNodes, plainName } from './node-def.js';
import { nodesInOrder } from './node-order.js';

/** A constant as a node reads it. */
export interface ConstantSource {
  readonly weight: Weight;
  /** The Const node, and the Identity nodes behind it that lead to the reader. */
  readonly nodes: readonly string[];
}

/** Nodes that hand their input on. */
const PASSES = new Set(['Identity', 'StopGradient', 'ReadVariableOp']);

/** Nodes between a constant and its reader that are looked through; a longer chain counts as a computation. */
const LONGEST_CHAIN = 64;

export class GraphIndex {
  readonly nodes: readonly NodeDef[];
  readonly weights: Weights;
  /** Names of the graph's output tensors. */
  readonly outputs: readonly string[];
  readonly inputs: readonly NodeDef[];
  /** Definitions of functions that nodes call. */
  readonly functions: readonly JsonObject[];
  readonly #byName: ReadonlyMap<string, NodeDef>;
  readonly #consumers = new Map<string, NodeDef[]>();
  #fixed: ReadonlySet<string> | undefined;

  /** @param outputs names of the output tensors, when the artifacts do not say them */
  constructor(
    { topology, weights, metadata }: Artifacts,
    nodes: readonly NodeDef[] = parseNodes(topology),
    outputs?: readonly string[],
  ) {
    this.nodes = nodes;
    this.weights = weights;
    this.#byName = new Map(nodes.map((node) => [node.name, node]));
    for (const node of nodes) {
      for (const input of node.input) {
        if (isControl(input)) continue;
        const readers = this.#consumers.get(input);
        if (readers) readers.push(node);
        else this.#consumers.set(input, [node]);
      }
    }
    const library = isObject(topology.library) ? topology.library.function : undefined;
    this.functions = Array.isArray(library) ? library.filter(isObject) : [];
    const signature = signatureOf(metadata);
    const named = namesIn(signature?.inputs)
      .map((name) => this.#byName.get(nodeOf(name)))
      .filter((node) => node !== undefined);
    this.inputs = named.length > 0 ? named : nodes.filter(({ op }) => op.startsWith('Placeholder'));
    const declared = namesIn(signature?.outputs).map(plainName);
    const read = new Set(nodes.flatMap(({ input }) => input.map(nodeOf)));
    this.outputs =
      outputs ??
      (declared.length > 0
        ? declared
        : nodes.filter(({ name, op }) => op !== 'Const' && !read.has(name)).map(({ name }) => name));
  }

  node(name: string): NodeDef | undefined {
    return this.#byName.get(name);
  }

  producer(tensor: string): NodeDef | undefined {
    return this.#byName.get(nodeOf(tensor));
  }

  consumers(tensor: string): readonly NodeDef[] {
    return this.#consumers.get(tensor) ?? [];
  }

  /** Inputs of nodes that read the tensor, plus one if it is an output of the graph. */
  uses(tensor: string): number {
    return this.consumers(tensor).length + (this.outputs.includes(tensor) ? 1 : 0);
  }

  constant(tensor: string | undefined): ConstantSource | undefined {
    const nodes: string[] = [];
    let node = tensor === undefined ? undefined : this.producer(tensor);
    while (node !== undefined && PASSES.has(node.op)) {
      if (nodes.length === LONGEST_CHAIN) return undefined;
      nodes.unshift(node.name);
      node = node.input[0] === undefined ? undefined : this.producer(node.input[0]);
    }
    if (node?.op !== 'Const') return undefined;
    const weight = this.weights.get(node.name);
    return weight && { weight, nodes: [node.name, ...nodes] };
  }

  /** Whether a node is a constant, or computes something from constants alone. */
  isFixed(node: string): boolean {
    this.#fixed ??= this.#fixedNodes();
    return this.#fixed.has(node);
  }

  #fixedNodes(): Set<string> {
    const fixed = new Set<string>();
    for (const { name, op, input } of nodesInOrder(this.nodes)) {
      const read = input.filter((tensor) => !isControl(tensor));
      if (op === 'Const' || (read.length > 0 && read.every((tensor) => fixed.has(nodeOf(tensor)))))
        fixed.add(name);
    }
    return fixed;
  }

  /** Whether anything but one reader uses the constant. */
  isShared({ nodes }: ConstantSource): boolean {
    return nodes.some((name) => this.uses(name) > 1);
  }

  /** The values of a constant of whole numbers. */
  integers(tensor: string | undefined): readonly number[] | undefined {
    const source = this.constant(tensor);
    const values = source && intValues(source.weight);
    return values && [...values];
  }

  /** The one input of a node that is no constant; undefined when there are several. */
  activation(node: NodeDef): string | undefined {
    const varying = node.input.filter((name) => !isControl(name) && this.constant(name) === undefined);
    return varying.length === 1 ? varying[0] : undefined;
  }
}

function signatureOf(metadata: Artifacts['metadata']): JsonObject | undefined {
  const own = metadata.userDefinedMetadata?.signature ?? metadata.signature;
  return isObject(own) ? own : undefined;
}

function namesIn(entries: unknown): string[] {
  if (!isObject(entries)) return [];
  return Object.values(entries).flatMap((entry) =>
    isObject(entry) && typeof entry.name === 'string' && entry.resourceId === undefined ? [entry.name] : [],
  );
}
