/** Where the features of a tensor lie, found by walking upstream to what made them. */
import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../tensors/graph-index.js';
import type { OnnxLayer } from './fc-layers.js';
import type { AxisFacts, FeatureAxis } from './operators/operator.js';
import { operatorOf } from './operators/operator-table.js';
import type { TensorShapes } from './tensor-shapes.js';

export class FeatureAxes implements AxisFacts {
  readonly #index: GraphIndex;
  readonly #shapes: TensorShapes;
  readonly #layers: ReadonlyMap<string, OnnxLayer>;
  readonly #known = new Map<string, FeatureAxis>();
  readonly #carried = new Set<string>();

  /** @param layers fully connected layers by the tensor that they produce */
  constructor(index: GraphIndex, shapes: TensorShapes, layers: ReadonlyMap<string, OnnxLayer>) {
    this.#index = index;
    this.#shapes = shapes;
    this.#layers = layers;
    for (const { output } of index.graph.node) for (const name of output) this.of(name);
  }

  of(tensor: string): FeatureAxis {
    const known = this.#known.get(tensor);
    if (known !== undefined) return known;
    const found = this.#find(tensor);
    this.#known.set(tensor, found);
    return found;
  }

  carries(tensor: string): boolean {
    this.of(tensor);
    return this.#carried.has(tensor);
  }

  areChannels(tensor: string): boolean {
    const { back, rank } = this.of(tensor);
    return back > 0 && rank !== undefined && rank - 1 - back === 1;
  }

  #find(tensor: string): FeatureAxis {
    const shape = this.#shapes.shape(tensor);
    const rank = shape?.length;
    const layer = this.#layers.get(tensor);
    if (layer !== undefined) return { back: 0, count: layer.layer.outputs, rank, made: true };
    const guess: FeatureAxis = { back: 0, count: shape?.at(-1), rank, made: false };
    const node = this.#index.producer(tensor);
    if (node === undefined || node.output[0] !== tensor) return guess;
    const context = { index: this.#index, shapes: this.#shapes, axes: this };
    const operator = operatorOf(node);
    const made = operator?.makes?.(node, context);
    if (made !== undefined) return made;
    const input = activationOf(this.#index, node);
    if (input === undefined) return guess;
    const moved = operator?.place?.(node, input, this.of(input), context);
    // Of features that nothing makes, it is not known on which axis they lie: only the last one is followed.
    if (moved === undefined || (!moved.made && moved.back > 0)) return guess;
    this.#carried.add(tensor);
    return moved;
  }
}

/** The input that the features of a node come from; undefined when several may, or none. */
export function activationOf(index: GraphIndex, node: NodeProto): string | undefined {
  if (operatorOf(node)?.activation !== 'varying') return node.input[0];
  const varying = node.input.filter((name) => index.constantSource(name) === undefined);
  return varying.length === 1 ? varying[0] : undefined;
}
