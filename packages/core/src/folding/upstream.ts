/** The feature flow against its direction: from what a layer reads to what made it. */
import type { FeatureGraph, FlowOperation } from '../format/feature-flow.js';
import { type OperationEffect, stops } from '../format/operation-effect.js';

/** An operation, all of its steps as one, seen from a tensor that it makes. */
export interface Passage {
  /** A layer's own name; any other operation's as rewrites refer to it. */
  readonly name: string;
  readonly label: string;
  /** The tensor in which the way goes on upstream. */
  readonly input: string;
  readonly effect: OperationEffect;
}

export class Upstream {
  readonly #makers: ReadonlyMap<string, FlowOperation>;
  readonly #uses = new Map<string, number>();

  constructor({ operations, outputs }: FeatureGraph) {
    this.#makers = new Map(
      operations.flatMap((operation) => operation.outputs.map((name) => [name, operation])),
    );
    const reads = operations.flatMap(({ inputs, effect }) => (effect?.type === 'apart' ? [] : inputs));
    for (const tensor of [...reads, ...outputs]) this.#uses.set(tensor, this.uses(tensor) + 1);
  }

  /** The operation, or the step of one, that makes a tensor; undefined for an input of the model or a constant. */
  maker(tensor: string): FlowOperation | undefined {
    return this.#makers.get(tensor);
  }

  /** The operation that makes a tensor; undefined for an input of the model or a constant. */
  producer(tensor: string): Passage | undefined {
    const operation = this.#makers.get(tensor);
    if (operation?.effect === undefined) return undefined;
    const { name, label, effect } = operation;
    let [input = ''] = operation.inputs;
    for (
      let step = this.#makers.get(input);
      step && step.effect === undefined;
      step = this.#makers.get(input)
    )
      [input = ''] = step.inputs;
    return {
      name: ('layer' in effect && effect.layer) || name,
      label,
      input,
      effect: operation.outputs[0] === tensor ? effect : stops('is read for a second output'),
    };
  }

  /** How many uses a tensor has: inputs of operations, plus one if it is an output of the model. */
  uses(tensor: string): number {
    return this.#uses.get(tensor) ?? 0;
  }
}

const known = new WeakMap<FeatureGraph, Upstream>();

/** Found once per graph: graphs never change. */
export function upstreamOf(graph: FeatureGraph): Upstream {
  let found = known.get(graph);
  if (found === undefined) {
    found = new Upstream(graph);
    known.set(graph, found);
  }
  return found;
}
