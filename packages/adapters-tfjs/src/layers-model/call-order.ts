/** The calls of all layers, each behind those whose tensors it reads. */
import { type LayerDef, type LayerGraph, type TensorRef, tensorName } from './layer-graph.js';

export interface OrderedCall {
  readonly def: LayerDef;
  /** Its number among the calls of its layer. */
  readonly call: number;
  readonly inputs: readonly TensorRef[];
  /** The name of its first output. */
  readonly output: string;
}

/** @returns also a layer that reads what it makes itself, or undefined when there is none; the calls behind it are missing */
export function callOrder(graph: LayerGraph): {
  calls: readonly OrderedCall[];
  circle: string | undefined;
} {
  const key = (layer: string, call: number) => JSON.stringify([layer, call]);
  const waiting = new Map<string, { call: OrderedCall; missing: number }>();
  const readers = new Map<string, string[]>();
  const ready: string[] = [];
  for (const def of graph.layers) {
    for (const [number, { inputs }] of def.calls.entries()) {
      const own = key(def.name, number);
      const output = tensorName({ layer: def.name, call: number, tensor: 0 });
      waiting.set(own, { call: { def, call: number, inputs, output }, missing: inputs.length });
      if (inputs.length === 0) ready.push(own);
      for (const { layer, call } of inputs) {
        const read = key(layer, call);
        const known = readers.get(read);
        if (known === undefined) readers.set(read, [own]);
        else known.push(own);
      }
    }
  }
  const calls: OrderedCall[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    calls.push(waiting.get(next)!.call);
    waiting.delete(next);
    for (const reader of readers.get(next) ?? []) {
      const found = waiting.get(reader)!;
      found.missing--;
      if (found.missing === 0) ready.push(reader);
    }
  }
  const [stuck] = waiting.values();
  return { calls, circle: stuck?.call.def.name };
}
