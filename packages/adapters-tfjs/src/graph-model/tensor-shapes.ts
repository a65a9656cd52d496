/** Works out the shapes of all tensors of a graph, for one size of each free axis of its inputs. */
import { isObject } from '../artifacts/json.js';
import { floatValues, intValues, isFloat, sizeOf } from '../artifacts/weights.js';
import type { GraphIndex } from './nodes/graph-index.js';
import { isControl, type NodeDef, sizesOf } from './nodes/node-def.js';
import { nodesInOrder } from './nodes/node-order.js';
import { fullShape, type KnownTensors, type Shape } from './operations/known-tensor.js';
import { operationOf } from './operations/operation-table.js';
import { MOST_VALUES } from './operations/value-rules.js';

/** Sizes that nothing else in a model is likely to have. */
const SIZES = [13, 17, 19, 23, 29, 31];
/** Images keep enough positions for every window. */
const POSITIONS = 224;

export class TensorShapes implements KnownTensors {
  readonly index: GraphIndex;
  /** The size that a free batch has. */
  readonly batch: number;
  readonly #shapes = new Map<string, Shape>();
  readonly #values = new Map<string, readonly number[]>();
  /** Reshapes whose lengths do not fit to what they read. */
  conflicts = 0;

  constructor(index: GraphIndex, batch: number) {
    this.index = index;
    this.batch = batch;
    for (const node of nodesInOrder(index.nodes)) this.#visit(node);
  }

  shape(tensor: string | undefined): Shape | undefined {
    return tensor === undefined ? undefined : this.#shapes.get(tensor);
  }

  values(tensor: string | undefined): readonly number[] | undefined {
    return tensor === undefined ? undefined : this.#values.get(tensor);
  }

  #visit(node: NodeDef): void {
    if (node.op === 'Const') {
      this.#constant(node);
      return;
    }
    const input = node.input.filter((name) => !isControl(name));
    const plain = input.length === node.input.length ? node : { ...node, input };
    const operation = operationOf(node.op);
    const shapes = node.op.startsWith('Placeholder')
      ? [boundShape(node, this.batch)]
      : (operation?.shape?.(plain, this) ?? []);
    for (const [i, shape] of shapes.entries()) {
      if (shape === undefined || !shape.every(isLength)) {
        if (shape !== undefined) this.conflicts++;
        continue;
      }
      this.#shapes.set(tensorOf(node, i), shape);
      if (node.op === 'Reshape') this.#check(this.shape(input[0]), shape);
    }
    for (const [i, values] of (operation?.values?.(plain, this) ?? []).entries())
      if (values !== undefined && values.length <= MOST_VALUES) this.#values.set(tensorOf(node, i), values);
  }

  #check(before: Shape | undefined, after: Shape): void {
    const [from, to] = [fullShape(before), fullShape(after)];
    if (from && to && sizeOf(from) !== sizeOf(to)) this.conflicts++;
  }

  #constant({ name }: NodeDef): void {
    const weight = this.index.weights.get(name);
    if (weight === undefined) return;
    const { shape } = weight.spec;
    this.#shapes.set(name, shape);
    if (sizeOf(shape) > MOST_VALUES) return;
    const values = isFloat(weight) ? floatValues(weight) : intValues(weight);
    if (values !== undefined) this.#values.set(name, [...values]);
  }
}

const known = new WeakMap<GraphIndex, TensorShapes>();

/** The batch gets a size of its own; in graphs that hold the size 1, which does not fit to it, 1. Found once per graph. */
export function shapesOf(index: GraphIndex): TensorShapes {
  let found = known.get(index);
  if (found === undefined) {
    found = boundShapes(index);
    known.set(index, found);
  }
  return found;
}

function boundShapes(index: GraphIndex): TensorShapes {
  const apart = new TensorShapes(index, SIZES[0]!);
  if (apart.conflicts === 0) return apart;
  const single = new TensorShapes(index, 1);
  return single.conflicts < apart.conflicts ? single : apart;
}

/** The tensor that an output of a node is. */
export function tensorOf({ name }: NodeDef, output: number): string {
  return output === 0 ? name : `${name}:${output}`;
}

function isLength(size: number | undefined): boolean {
  return size === undefined || (Number.isInteger(size) && size >= 0);
}

function boundShape({ attr }: NodeDef, batch: number): Shape | undefined {
  const shape = isObject(attr.shape) ? sizesOf(attr.shape.shape) : undefined;
  return shape?.map((size, axis) => {
    if (size !== undefined) return size;
    if (axis === 0) return batch;
    return shape.length >= 4 && axis < shape.length - 1 ? POSITIONS : SIZES[axis % SIZES.length];
  });
}
