/**
 * Masks say which steps of sequences count. TensorFlow.js hands them on beside the tensors, through the classes that support them; what
 * stands before a compressed layer is of classes that do not.
 */
import type { JsonObject } from '../artifacts/json.js';
import { callOrder } from './call-order.js';
import { classOf } from './classes/class-table.js';
import type { MaskUse, Shape } from './classes/layer-class.js';
import { type LayerGraph, tensorName } from './layer-graph.js';

export interface MaskFacts {
  /** Layers that hand on a mask to one that reads it: the reader's name, by theirs. */
  readonly readers: ReadonlyMap<string, string>;
  /** Tensors whose masks are read somewhere behind them. */
  readonly wanted: ReadonlySet<string>;
}

export function findMasks(graph: LayerGraph, shapes: ReadonlyMap<string, Shape>): MaskFacts {
  const { calls } = callOrder(graph);
  const masked = new Set<string>();
  for (const { def, inputs, output } of calls) {
    const use = classOf(def.className)?.mask;
    const handed = inputs.some((input) => masked.has(tensorName(input)));
    // What leaves no steps, as a recurrent layer that gives the last one, leaves no mask.
    const steps = (shapes.get(output)?.length ?? 3) > 2;
    if (steps && hasMask(use, def.config, handed)) masked.add(output);
  }
  const wanted = new Map<string, string>();
  const readers = new Map<string, string>();
  for (const { def, inputs, output } of calls.toReversed()) {
    const use = classOf(def.className)?.mask;
    const reader = use === 'reads' ? def.name : use === 'passes' ? wanted.get(output) : undefined;
    if (reader === undefined) continue;
    for (const input of inputs.map(tensorName)) {
      if (!masked.has(input)) continue;
      wanted.set(input, reader);
      readers.set(def.name, reader);
    }
  }
  return { readers, wanted: new Set(wanted.keys()) };
}

function hasMask(use: MaskUse | undefined, { mask_zero }: JsonObject, handed: boolean): boolean {
  if (use === 'makes where mask_zero says so') return mask_zero === true;
  return use === 'makes' || (handed && use !== undefined);
}
