/** Which stored tensors a graph's constants come from, also where functions, branches and loops see those outside. */
import type { GraphProto, NodeProto, SparseTensorProto, TensorProto } from 'onnx-buf';
import { attribute, isStandard } from '../proto/onnx-protos.js';
import { dimsOf, sizeOf } from '../proto/tensor-values.js';

/** A tensor as the file stores it. */
export interface StoredTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Values that are stored: all of them unless it is sparse. */
  readonly size: number;
  readonly sparse: boolean;
}

const NONE: readonly StoredTensor[] = [];
/** Stands for what a tensor that is no constant is made of. */
const VARYING: readonly StoredTensor[] = [];

/** The tensors of one graph, subgraph or function body. */
export class ConstantScope {
  readonly #sources = new Map<string, readonly StoredTensor[]>();
  readonly #outside: ConstantScope | undefined;
  /** All tensors that this graph stores itself, without the scales of quantised ones. */
  readonly stored: Set<StoredTensor> = new Set();

  /** @param outside the graph around a subgraph, whose tensors it reads */
  constructor(
    {
      initializer,
      sparseInitializer,
      input,
    }: Pick<GraphProto, 'initializer' | 'sparseInitializer' | 'input'>,
    outside?: ConstantScope,
  ) {
    this.#outside = outside;
    for (const { name } of input) this.vary(name);
    for (const tensor of initializer) this.#store(tensor.name, stored(tensor.name, tensor));
    for (const tensor of sparseInitializer) {
      const name = tensor.values?.name ?? '';
      this.#store(name, storedSparse(name, tensor));
    }
  }

  /** The stored tensors that a constant is made of, or undefined when it is none. */
  sources(tensor: string): readonly StoredTensor[] | undefined {
    if (tensor === '') return NONE;
    const own = this.#sources.get(tensor);
    if (own !== undefined) return own === VARYING ? undefined : own;
    return this.#outside?.sources(tensor);
  }

  /** Says that a tensor is computed from what the graph is given. */
  vary(tensor: string): void {
    this.#sources.set(tensor, VARYING);
  }

  /**
   * Takes in a node, in the order in which they run.
   *
   * @returns whether it computes a constant, and so is none that uses weights
   */
  add(node: NodeProto): boolean {
    const own = constantOf(node);
    if (own !== undefined) {
      this.#store(own.name, own);
      return true;
    }
    const inputs = node.input.map((name) => this.sources(name));
    const fixed =
      inputs.length > 0 &&
      inputs.every((sources) => sources !== undefined) &&
      node.attribute.every(({ g, graphs }) => g === undefined && graphs.length === 0);
    if (!fixed) {
      for (const name of node.output) this.vary(name);
      return false;
    }
    const [values, ...others] = inputs as (readonly StoredTensor[])[];
    const dequantises = node.opType === 'DequantizeLinear';
    if (dequantises) for (const scale of others.flat()) this.stored.delete(scale);
    const sources = dequantises ? values! : union([values!, ...others]);
    for (const name of node.output) this.#sources.set(name, sources);
    return true;
  }

  #store(name: string, tensor: StoredTensor): void {
    this.#sources.set(name, [tensor]);
    this.stored.add(tensor);
  }
}

function union(lists: readonly (readonly StoredTensor[])[]): readonly StoredTensor[] {
  // Vectors and scalars are no weights, and long chains of them are common.
  const filled = lists
    .map((list) => list.filter(({ dims }) => dims.length > 1))
    .filter((list) => list.length > 0);
  return filled.length < 2 ? (filled[0] ?? NONE) : [...new Set(filled.flat())];
}

function stored(name: string, tensor: TensorProto): StoredTensor {
  return { name, dims: dimsOf(tensor), dataType: tensor.dataType, size: sizeOf(tensor), sparse: false };
}

function storedSparse(name: string, { values, dims }: SparseTensorProto): StoredTensor {
  return {
    name,
    dims: dims.map(Number),
    dataType: values?.dataType ?? 0,
    size: values === undefined ? 0 : sizeOf(values),
    sparse: true,
  };
}

function constantOf(node: NodeProto): StoredTensor | undefined {
  if (node.opType !== 'Constant' || !isStandard(node)) return undefined;
  const name = node.output[0]!;
  const dense = attribute(node, 'value')?.t;
  if (dense !== undefined) return stored(name, dense);
  const sparse = attribute(node, 'sparse_value')?.sparseTensor;
  if (sparse !== undefined) return storedSparse(name, sparse);
  // Numbers and lists of numbers in attributes.
  return { name, dims: [], dataType: 0, size: 0, sparse: false };
}
