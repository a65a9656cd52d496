/**
 * Edits a copy of a model: replaces nodes and constants, keeps the order of everything, and removes what only the
 * replaced parts used. Untouched messages are shared with the original, which is never changed.
 */
import type { ModelProto, NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { UniqueNames } from '../graph/layer-names.js';
import { copyMessage, makeTensorType, makeValueInfo } from '../proto/onnx-protos.js';
import { dimsOf } from '../proto/tensor-values.js';
import { type ConstantSource, type GraphIndex, tensorsReadBy } from '../tensors/graph-index.js';

export class GraphEditor {
  readonly #index: GraphIndex;
  readonly #initializers: Map<string, TensorProto>;
  readonly #names: UniqueNames;
  readonly #current = new Map<NodeProto, NodeProto>();
  readonly #before = new Map<NodeProto, NodeProto[]>();
  readonly #after = new Map<NodeProto, NodeProto[]>();
  readonly #first: NodeProto[] = [];
  readonly #retired = new Set<string>();
  readonly #stale = new Set<string>();

  constructor(index: GraphIndex) {
    const { graph } = index;
    this.#index = index;
    this.#initializers = new Map(index.initializers);
    this.#names = new UniqueNames([
      ...graph.input.map(({ name }) => name),
      ...graph.initializer.map(({ name }) => name),
      ...graph.node.flatMap((node) => [node.name, ...node.output, ...tensorsReadBy(node)]),
    ]);
  }

  /** A name that no tensor and no node has. */
  fresh(name: string): string {
    return this.#names.add(name);
  }

  /** The present version of a node of the original model. */
  node(original: NodeProto): NodeProto {
    return this.#current.get(original) ?? original;
  }

  change(original: NodeProto, changes: Partial<NodeProto>): void {
    this.#current.set(original, copyMessage(this.node(original), changes));
  }

  setInput(original: NodeProto, slot: number, name: string): void {
    const input = [...this.node(original).input];
    while (input.length < slot) input.push('');
    input[slot] = name;
    this.change(original, { input });
  }

  insertBefore(original: NodeProto, nodes: readonly NodeProto[]): void {
    this.#before.set(original, [...(this.#before.get(original) ?? []), ...nodes]);
  }

  insertAfter(original: NodeProto, nodes: readonly NodeProto[]): void {
    this.#after.set(original, [...(this.#after.get(original) ?? []), ...nodes]);
  }

  /** Adds an initializer, whose name must come from `fresh`. */
  addInitializer(tensor: TensorProto): string {
    this.#initializers.set(tensor.name, tensor);
    return tensor.name;
  }

  /** Puts nodes that make a tensor in the place of its initializer; they run first. */
  computeInitializer(name: string, nodes: readonly NodeProto[]): void {
    this.#initializers.delete(name);
    this.#first.push(...nodes);
  }

  /** Puts other values of the same shape and type in the place of a constant, for all that read it. */
  replaceConstant(tensor: TensorProto): void {
    const maker = this.#index.producer(tensor.name);
    if (maker !== undefined) this.change(maker, { output: [] });
    this.#initializers.set(tensor.name, tensor);
  }

  /**
   * Gives a node another constant operand. The old one is replaced in place when nothing else uses it, and left
   * to the others otherwise.
   *
   * @param stem what to call the new initializer when the old name stays in use
   */
  setConstant(
    original: NodeProto,
    slot: number,
    source: ConstantSource,
    stem: string,
    make: (name: string) => TensorProto,
  ): void {
    const own = !this.#index.isSharedSource(source);
    for (const name of [...source.names, ...source.quantised]) this.#retired.add(name);
    const name = own ? source.names.at(-1)! : this.fresh(stem);
    if (own && source.nodes.length > 0) {
      // The name becomes an initializer's: the Constant node that had it goes at once.
      const maker = this.#index.producer(name);
      if (maker !== undefined) this.#current.set(maker, copyMessage(maker, { output: [] }));
    }
    this.#initializers.set(name, make(name));
    this.setInput(original, slot, name);
  }

  /**
   * Gives a node a constant in place of a computed operand.
   *
   * @param computation the tensors that the operand is computed with, itself among them: they go where nothing else reads them
   */
  setComputed(
    original: NodeProto,
    slot: number,
    computation: readonly string[],
    stem: string,
    make: (name: string) => TensorProto,
  ): void {
    for (const name of computation) this.#retired.add(name);
    this.setInput(original, slot, this.addInitializer(make(this.fresh(stem))));
  }

  /** Forgets the recorded shapes of tensors. */
  dropShapes(tensors: Iterable<string>): void {
    for (const tensor of tensors) this.#stale.add(tensor);
  }

  finish(): ModelProto {
    const { graph, model } = this.#index;
    const nodes = graph.node.flatMap((original) => [
      ...(this.#before.get(original) ?? []),
      this.node(original),
      ...(this.#after.get(original) ?? []),
    ]);
    const kept = this.#withoutRemains([...this.#first, ...nodes]);
    const initializer = [...this.#initializers.values()];
    const gone = new Set([...this.#retired].filter((name) => !this.#initializers.has(name)));
    const produced = new Set(kept.flatMap(({ output }) => output));
    return copyMessage(model, {
      graph: copyMessage(graph, {
        node: kept,
        initializer,
        input: this.#inputs(),
        valueInfo: graph.valueInfo.filter(
          ({ name }) => !this.#stale.has(name) && (!gone.has(name) || produced.has(name)),
        ),
      }),
    });
  }

  /** Drops retired constants, and the nodes that made them, once nothing reads them. */
  #withoutRemains(nodes: readonly NodeProto[]): NodeProto[] {
    let kept = nodes.filter(({ output }) => output.length > 0);
    for (;;) {
      const read = new Set([
        ...kept.flatMap(tensorsReadBy),
        ...this.#index.graph.output.map(({ name }) => name),
      ]);
      const unread = (name: string) => this.#retired.has(name) && !read.has(name);
      for (const name of this.#retired) if (unread(name)) this.#initializers.delete(name);
      const rest = kept.filter(({ output }) => !output.every(unread));
      if (rest.length === kept.length) return kept;
      kept = rest;
    }
  }

  /** Before IR version 4 every initializer is listed as an input too; after it none is, as `GraphIndex.defaults` says. */
  #inputs(): ValueInfoProto[] {
    const { graph, model } = this.#index;
    if (model.irVersion >= 4n) return graph.input.filter(({ name }) => !this.#index.initializers.has(name));
    const listed = graph.input.some(({ name }) => this.#index.initializers.has(name));
    const before = graph.input.filter(
      ({ name }) => this.#initializers.has(name) || !this.#index.initializers.has(name),
    );
    if (!listed) return before;
    const known = new Set(before.map(({ name }) => name));
    const declared = before.map((info) => {
      const tensor = this.#initializers.get(info.name);
      return tensor === undefined || tensor === this.#index.initializers.get(info.name)
        ? info
        : copyMessage(info, { type: makeTensorType(tensor.dataType, dimsOf(tensor)) });
    });
    const added = [...this.#initializers.values()]
      .filter(({ name }) => !known.has(name))
      .map((tensor) => makeValueInfo(tensor.name, tensor.dataType, dimsOf(tensor)));
    return [...declared, ...added];
  }
}
