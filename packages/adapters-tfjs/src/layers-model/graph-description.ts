/** Describes a LayersModel in core's terms: what every layer does to the factors and the order of its features. */
import type { GraphOperation, GraphView, OperationEffect } from '@spherize/core';
import type { Weights } from '../artifacts/weights.js';
import { activationEffect, activationName } from './classes/activations.js';
import { classOf } from './classes/class-table.js';
import type { LayerFacts } from './classes/layer-class.js';
import type { DenseLayer } from './fc-layers.js';
import { INPUT_LAYER, type LayerDef, type LayerGraph, type TensorRef, tensorName } from './layer-graph.js';
import type { LayerWeights } from './layer-weights.js';
import type { TensorFacts } from './tensor-facts.js';

const other = (reason: string): OperationEffect => ({ type: 'other', reason });

/** What a layer's weights and shapes tell about it. */
export interface ModelFacts {
  readonly graph: LayerGraph;
  readonly weights: Weights;
  readonly names: LayerWeights;
  readonly tensors: TensorFacts;
  readonly dense: ReadonlyMap<string, DenseLayer>;
  /** Dense layers that are cluster sums. */
  readonly sums: ReadonlySet<string>;
}

/** One call of a layer. */
export function factsOf(
  { weights, names, tensors: { shapes, places } }: Pick<ModelFacts, 'weights' | 'names' | 'tensors'>,
  def: LayerDef,
  call: number,
): LayerFacts {
  const output = tensorName({ layer: def.name, call, tensor: 0 });
  const [first] = def.calls[call]!.inputs;
  const input = first === undefined ? '' : tensorName(first);
  return {
    def,
    input: shapes.get(input),
    output: shapes.get(output),
    before: places.get(input),
    after: places.get(output),
    weight: (name) => {
      const stored = names.find(def.name, name);
      return stored === undefined ? undefined : weights.get(stored)?.spec.shape;
    },
  };
}

/** A layer with an activation of its own is two operations, with the tensor `<layer>/linear` between them. */
export class GraphDescription implements GraphView {
  readonly #facts: ModelFacts;
  readonly #producers = new Map<string, GraphOperation>();
  readonly #uses = new Map<string, number>();
  readonly #layerInputs: ReadonlySet<string>;

  constructor(facts: ModelFacts) {
    this.#facts = facts;
    this.#layerInputs = new Set([...facts.dense.values()].map(({ layer }) => layer.input));
    for (const def of facts.graph.layers) {
      if (def.className === INPUT_LAYER) continue;
      def.calls.forEach(({ inputs }, call) => {
        for (const input of inputs) this.#use(input);
        this.#add(def, call, inputs);
      });
    }
    for (const output of facts.graph.outputs) this.#use(output);
  }

  producer(tensor: string): GraphOperation | undefined {
    return this.#producers.get(tensor);
  }

  uses(tensor: string): number {
    return this.#uses.get(tensor) ?? 0;
  }

  #use(ref: TensorRef): void {
    const name = tensorName(ref);
    this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    if (ref.tensor === 0) return;
    const { layer } = ref;
    this.#producers.set(name, { name, label: layer, input: '', effect: other('is one of several outputs') });
  }

  #add(def: LayerDef, call: number, inputs: readonly TensorRef[]): void {
    const { name, className, config } = def;
    const own = call > 0 ? `${name}#${call + 1}` : name;
    const input = inputs[0] ? tensorName(inputs[0]) : '';
    const output = tensorName({ layer: name, call, tensor: 0 });
    const activation = activationName(config);
    const label = className === 'Activation' ? (activation ?? className) : className;
    const facts = factsOf(this.#facts, def, call);
    const effect = inputs.length === 1 ? this.#effect(facts, def) : other('combines several tensors');
    if (activation === undefined || !classOf(className)?.activates) {
      this.#produce(output, { name: own, label, input, effect });
      return;
    }
    const linear = `${output}/linear`;
    this.#producers.set(linear, { name: own, label, input, effect });
    this.#uses.set(linear, 1);
    this.#produce(output, {
      name: `${own}/${activation}`,
      label: activation,
      input: linear,
      effect: activationEffect(activation, facts.after),
    });
  }

  #produce(tensor: string, operation: GraphOperation): void {
    const { effect } = operation;
    const upright = effect.type === 'other' || this.#facts.tensors.places.get(tensor) === 0;
    this.#producers.set(
      tensor,
      upright || !this.#layerInputs.has(tensor)
        ? operation
        : { ...operation, effect: other('does not lead one feature to each column') },
    );
  }

  #effect(facts: LayerFacts, { name, className }: LayerDef): OperationEffect {
    if (this.#facts.sums.has(name)) return other('sums the members of clusters');
    const layer = this.#facts.dense.get(name)?.layer;
    if (layer !== undefined) {
      return { type: 'fully-connected', layer: name, outputs: layer.outputs, shared: false };
    }
    return classOf(className)?.effect(facts) ?? other('is a custom layer');
  }
}
