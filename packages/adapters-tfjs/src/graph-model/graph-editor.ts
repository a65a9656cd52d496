/** Edits a copy of a graph: replaces nodes and constants, and drops constants that nothing reads any more. */

import type { JsonObject } from '../artifacts/json.js';
import { floatWeight, intWeight, type Weight } from '../artifacts/weights.js';
import type { ConstantSource, GraphIndex } from './nodes/graph-index.js';
import { isControl, type NodeDef, nodeOf } from './nodes/node-def.js';

export class GraphEditor {
  readonly #index: GraphIndex;
  readonly #weights: Map<string, Weight>;
  readonly #current = new Map<NodeDef, NodeDef>();
  readonly #added: NodeDef[] = [];
  readonly #names: Set<string>;
  readonly #retired = new Set<string>();

  constructor(index: GraphIndex) {
    this.#index = index;
    this.#weights = new Map(index.weights);
    this.#names = new Set(index.nodes.map(({ name }) => name));
  }

  /** A name that no node has. */
  fresh(name: string): string {
    let unique = name;
    for (let count = 2; this.#names.has(unique); count++) unique = `${name}_${count}`;
    this.#names.add(unique);
    return unique;
  }

  /** The present version of a node of the original graph. */
  node(original: NodeDef): NodeDef {
    return this.#current.get(original) ?? original;
  }

  change(original: NodeDef, changes: Partial<NodeDef>): void {
    this.#current.set(original, { ...this.node(original), ...changes });
  }

  setInput(original: NodeDef, slot: number, tensor: string): void {
    const input = [...this.node(original).input];
    input[slot] = tensor;
    this.change(original, { input });
  }

  /** Adds a node and returns its name, which is that of its first output. */
  add(op: string, name: string, input: readonly string[], attr: JsonObject = {}): string {
    const own = this.fresh(name);
    this.#added.push({ name: own, op, input, attr: { T: { type: 'DT_FLOAT' }, ...attr } });
    return own;
  }

  addFloats(name: string, shape: readonly number[], values: Float32Array): string {
    return this.addWeight(floatWeight(this.fresh(name), shape, values));
  }

  /** @param scalar whether it has no axis rather than one */
  addIntegers(name: string, values: ArrayLike<number>, scalar = false): string {
    const data = Int32Array.from(values);
    return this.addWeight(intWeight(this.fresh(name), scalar ? [] : [data.length], data));
  }

  /** Adds a constant of a name that is its own. */
  addWeight(weight: Weight): string {
    this.#weights.set(weight.spec.name, weight);
    this.#added.push(constantNode(weight));
    return weight.spec.name;
  }

  /**
   * Gives a node another constant operand. The old one is replaced in place when nothing else uses it, and left to the others
   * otherwise.
   *
   * @param stem what to call the new constant when the old name stays in use
   */
  setConstant(
    original: NodeDef,
    slot: number,
    source: ConstantSource,
    stem: string,
    make: (name: string) => Weight,
  ): void {
    const [name, ...passes] = source.nodes as [string, ...string[]];
    if (this.#index.isShared(source)) {
      this.setInput(original, slot, this.addWeight(make(this.fresh(stem))));
      for (const own of [name, ...passes]) this.#retired.add(own);
      return;
    }
    const weight = make(name);
    this.#weights.set(name, weight);
    this.#current.set(this.#index.node(name)!, constantNode(weight));
  }

  finish(): { nodes: NodeDef[]; weights: Map<string, Weight> } {
    let nodes = [...this.#index.nodes.map((node) => this.node(node)), ...this.#added];
    for (;;) {
      const read = new Set(nodes.flatMap(({ input }) => input.filter((own) => !isControl(own)).map(nodeOf)));
      for (const output of this.#index.outputs) read.add(nodeOf(output));
      const kept = nodes.filter(({ name }) => !this.#retired.has(name) || read.has(name));
      if (kept.length === nodes.length) break;
      nodes = kept;
    }
    const names = new Set(nodes.map(({ name }) => name));
    const weights = new Map(
      [...this.#weights].filter(([name]) => names.has(name) || !this.#index.node(name)),
    );
    return { nodes, weights };
  }
}

export function constantNode({ spec }: Weight): NodeDef {
  const dtype = spec.dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
  const tensorShape = { dim: spec.shape.map((size) => ({ size: String(size) })) };
  return {
    name: spec.name,
    op: 'Const',
    input: [],
    attr: { dtype: { type: dtype }, value: { tensor: { dtype, tensorShape } } },
  };
}
