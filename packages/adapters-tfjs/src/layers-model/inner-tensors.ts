/** Tensors within calls of layers: before a layer's own activation, and between the steps of what it does to features. */
import { type LayerDef, type LayerGraph, type TensorRef, tensorName } from './layer-graph.js';

/** What a kernel makes within one call of a layer. */
export interface InnerTensor {
  readonly def: LayerDef;
  /** As if a layer of its own made it, which is called as often. */
  readonly ref: TensorRef;
  /** The step that makes it; undefined for what an activation reads. */
  readonly step: string | undefined;
}

/** Names as no others are: `name`, `name_2`, … */
export class UniqueNames {
  readonly #taken: Set<string>;

  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken);
  }

  add(name: string): string {
    let unique = name;
    for (let count = 2; this.#taken.has(unique); count++) unique = `${name}_${count}`;
    this.#taken.add(unique);
    return unique;
  }
}

export class InnerTensors {
  readonly #names: UniqueNames;
  readonly #layers = new Map<string, string>();
  readonly #kernels = new Map<string, InnerTensor>();

  constructor(graph: LayerGraph) {
    this.#names = new UniqueNames(graph.layers.map(({ name }) => name));
  }

  /**
   * The name of a tensor within a call.
   *
   * @param part after the layer's name
   */
  name(def: LayerDef, call: number, part: string): string {
    return tensorName(this.#ref(def, call, part));
  }

  /** The same for what a kernel makes. */
  addKernel(def: LayerDef, call: number, part: string, step: string | undefined): string {
    const ref = this.#ref(def, call, part);
    this.#kernels.set(tensorName(ref), { def, ref, step });
    return tensorName(ref);
  }

  /** What a kernel makes, by its name. */
  kernel(tensor: string): InnerTensor | undefined {
    return this.#kernels.get(tensor);
  }

  #ref(def: LayerDef, call: number, part: string): TensorRef {
    const key = JSON.stringify([def.name, part]);
    const layer = this.#layers.get(key) ?? this.#names.add(`${def.name}/${part}`);
    this.#layers.set(key, layer);
    return { layer, call, tensor: 0 };
  }
}
