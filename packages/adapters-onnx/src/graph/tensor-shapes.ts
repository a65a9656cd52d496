/**
 * Ranks, shapes and element types of tensors, as far as the file declares them or a forward pass finds them, and the values of those
 * that shapes are computed with.
 *
 * What stays unknown is undefined: users of this module must cope, never guess.
 */
import { TensorProto_DataType as DataType, type TensorProto, type ValueInfoProto } from 'onnx-buf';
import { declaredShape, declaredType, type Shape } from '../proto/onnx-protos.js';
import { dimsOf, integerValues, isIntegerType, LARGEST_RANK, sizeOf } from '../proto/tensor-values.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import { type FoundSizes, FreeSize, type Integers, type Size, type Sizes } from '../tensors/sizes.js';
import type { ShapeFacts } from './operators/operator.js';
import { operatorOf } from './operators/operator-table.js';

/** The most values of a tensor that are looked at: shapes are short. */
const MOST_VALUES = LARGEST_RANK;

export class TensorShapes implements ShapeFacts {
  readonly #index: GraphIndex;
  readonly #declared = new Map<string, ValueInfoProto>();
  readonly #sizes = new Map<string, Sizes | undefined>();
  readonly #integers = new Map<string, Integers | undefined>();
  readonly #types = new Map<string, number>();

  constructor(index: GraphIndex) {
    this.#index = index;
    const { input, output, valueInfo } = index.graph;
    for (const info of [...valueInfo, ...output, ...input]) this.#declared.set(info.name, info);
    // In the order of the graph, so that every look-up finds its inputs known and recursion stays flat.
    for (const node of index.graph.node) {
      for (const name of node.output) {
        if (name === '') continue;
        this.elementType(name);
        this.sizes(name);
        this.integers(name);
      }
    }
  }

  rank(tensor: string): number | undefined {
    return this.sizes(tensor)?.length;
  }

  shape(tensor: string): Shape | undefined {
    return this.sizes(tensor)?.map((size) => (typeof size === 'number' ? size : undefined));
  }

  sizes(tensor: string): Sizes | undefined {
    if (this.#sizes.has(tensor)) return this.#sizes.get(tensor);
    this.#sizes.set(tensor, undefined);
    const found = this.#find(tensor);
    const sizes =
      found !== undefined && found.length <= LARGEST_RANK
        ? found.map((size, axis) => (isSize(size) ? size : new FreeSize(`${tensor}, axis ${axis}`)))
        : undefined;
    this.#sizes.set(tensor, sizes);
    return sizes;
  }

  integers(tensor: string): Integers | undefined {
    if (this.#integers.has(tensor)) return this.#integers.get(tensor);
    this.#integers.set(tensor, undefined);
    const found = this.#findIntegers(tensor);
    this.#integers.set(tensor, found);
    return found;
  }

  /** The element type; float32 where nothing says otherwise. */
  elementType(tensor: string): number {
    const known = this.#types.get(tensor);
    if (known !== undefined) return known;
    this.#types.set(tensor, DataType.FLOAT);
    const type = this.#findType(tensor);
    this.#types.set(tensor, type);
    return type;
  }

  #find(tensor: string): FoundSizes | undefined {
    const constant = this.#index.constant(tensor);
    if (constant !== undefined) return dimsOf(constant);
    const info = this.#declared.get(tensor);
    const declared = info && declaredShape(info);
    if (declared?.every((size) => size !== undefined)) return declared;
    const node = this.#index.producer(tensor);
    const operator = node && operatorOf(node);
    const slot = node?.output.indexOf(tensor) ?? 0;
    if (node === undefined || (slot !== 0 && !operator?.outputsAlike)) return declared;
    const inferred = operator?.shape?.(node, { index: this.#index, shapes: this }, slot);
    if (declared === undefined || inferred?.length !== declared.length) return declared ?? inferred;
    return declared.map((size, axis) => size ?? inferred[axis]);
  }

  #findIntegers(tensor: string): Integers | undefined {
    const type = this.elementType(tensor);
    if (!isIntegerType(type)) return undefined;
    const constant = this.#index.constant(tensor);
    if (constant !== undefined) return constantIntegers(constant);
    const dims = this.shape(tensor)?.filter((size) => size !== undefined);
    if (dims === undefined || dims.length < this.rank(tensor)!) return undefined;
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (count > MOST_VALUES) return undefined;
    const node = this.#index.producer(tensor);
    const slot = node?.output.indexOf(tensor) ?? 0;
    const target = { dims, slot, toBoolean: type === DataType.BOOL };
    const values = node && operatorOf(node)?.values?.(node, { index: this.#index, shapes: this }, target);
    const known = values?.length === count ? values : new Array<undefined>(count).fill(undefined);
    return { dims, values: known.map((value) => (isExact(value, type) ? value : undefined)) };
  }

  #findType(tensor: string): number {
    const constant = this.#index.constant(tensor);
    if (constant !== undefined) return constant.dataType;
    const info = this.#declared.get(tensor);
    const declared = info && declaredType(info);
    if (declared !== undefined) return declared;
    const node = this.#index.producer(tensor);
    if (node === undefined) return DataType.FLOAT;
    const type = operatorOf(node)?.type;
    if (type !== undefined) return type(node, this);
    const source = node.input[0];
    return source === undefined ? DataType.FLOAT : this.elementType(source);
  }
}

/** Whether a size can be one: rules on broken files may find others. */
function isSize(size: Size | undefined): size is Size {
  return size instanceof FreeSize || (Number.isSafeInteger(size) && size! >= 0);
}

/** Whether a number is one of its type: what overflows is not followed. */
function isExact(value: Size | undefined, type: number): boolean {
  if (typeof value !== 'number') return true;
  return Number.isSafeInteger(value) && (type !== DataType.INT32 || (value | 0) === value);
}

function constantIntegers(tensor: TensorProto): Integers | undefined {
  if (sizeOf(tensor) > MOST_VALUES) return undefined;
  const values = integerValues(tensor);
  return values.length === sizeOf(tensor) ? { dims: dimsOf(tensor), values } : undefined;
}
