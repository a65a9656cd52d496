/**
 * Ranks, shapes and element types of tensors, as far as the file declares them or a simple forward pass finds them.
 *
 * What stays unknown is undefined: users of this module must cope, never guess.
 */
import { TensorProto_DataType as DataType, type NodeProto, type ValueInfoProto } from 'onnx-buf';
import type { GraphIndex } from './graph-index.js';
import { declaredShape, declaredType, intAttribute, intsAttribute, type Shape } from './onnx-protos.js';
import { dimsOf, LARGEST_RANK } from './tensor-values.js';

/** Operators whose result has the shape of their first input. */
const SAME_SHAPE = new Set(
  (
    'Relu LeakyRelu PRelu Identity Dropout Abs Neg Clip Sigmoid Tanh Gelu FastGelu QuickGelu Elu Selu Celu Softplus ' +
    'Softsign HardSigmoid HardSwish Swish Mish Erf Sqrt Exp Log Cast BatchNormalization LayerNormalization Softmax ' +
    'LogSoftmax LRN InstanceNormalization GroupNormalization ThresholdedRelu Sin Cos Floor Ceil Round Sign ' +
    'QuantizeLinear DequantizeLinear'
  ).split(' '),
);
const BROADCAST = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Sum', 'Where']);
/** Operators that pool each channel on its own. */
export const POOLS: ReadonlySet<string> = new Set([
  'MaxPool',
  'AveragePool',
  'LpPool',
  'GlobalMaxPool',
  'GlobalAveragePool',
  'GlobalLpPool',
]);
const REDUCTIONS = new Set(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin']);
const INTEGERS = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero']);
const BOOLEANS = new Set([
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Not',
  'And',
  'Or',
  'IsNaN',
]);

export class TensorShapes {
  readonly #index: GraphIndex;
  readonly #declared = new Map<string, ValueInfoProto>();
  readonly #shapes = new Map<string, Shape | undefined>();
  readonly #types = new Map<string, number>();

  constructor(index: GraphIndex) {
    this.#index = index;
    const { input, output, valueInfo } = index.graph;
    for (const info of [...valueInfo, ...output, ...input]) this.#declared.set(info.name, info);
    // In the order of the graph, so that every look-up finds its inputs known and recursion stays flat.
    for (const node of index.graph.node) {
      for (const name of node.output) {
        if (name === '') continue;
        this.shape(name);
        this.elementType(name);
      }
    }
  }

  rank(tensor: string): number | undefined {
    return this.shape(tensor)?.length;
  }

  shape(tensor: string): Shape | undefined {
    if (this.#shapes.has(tensor)) return this.#shapes.get(tensor);
    this.#shapes.set(tensor, undefined);
    const found = this.#find(tensor);
    const shape = found !== undefined && found.length > LARGEST_RANK ? undefined : found;
    this.#shapes.set(tensor, shape);
    return shape;
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

  #find(tensor: string): Shape | undefined {
    const constant = this.#index.constant(tensor);
    if (constant !== undefined) return dimsOf(constant);
    const info = this.#declared.get(tensor);
    const declared = info && declaredShape(info);
    if (declared !== undefined) return declared;
    const node = this.#index.producer(tensor);
    return node === undefined ? undefined : this.#infer(node, tensor);
  }

  #infer(node: NodeProto, tensor: string): Shape | undefined {
    const { opType } = node;
    const input = this.shape(node.input[0] ?? '');
    if (SAME_SHAPE.has(opType)) return tensor === node.output[0] ? input : undefined;
    if (BROADCAST.has(opType)) return broadcast(node.input.map((name) => this.shape(name)));
    if (POOLS.has(opType)) return input?.map((dim, axis) => (axis < 2 ? dim : undefined));
    if (REDUCTIONS.has(opType)) return this.#reduced(node, input);
    switch (opType) {
      case 'Conv':
        return input?.map((dim, axis) =>
          axis === 1 ? this.shape(node.input[1]!)?.[0] : axis ? undefined : dim,
        );
      case 'Gemm': {
        const rows = input?.[intAttribute(node, 'transA', 0)];
        return [rows, this.shape(node.input[1]!)?.[1 - intAttribute(node, 'transB', 0)]];
      }
      case 'MatMul': {
        const right = this.shape(node.input[1]!);
        if (input === undefined || right === undefined || input.length < 2 || right.length !== 2)
          return undefined;
        return [...input.slice(0, -1), right[1]];
      }
      case 'Flatten':
        return [intAttribute(node, 'axis', 1) === 1 ? input?.[0] : undefined, undefined];
      case 'Transpose': {
        const perm = intsAttribute(node, 'perm') ?? input?.map((_, axis) => input.length - 1 - axis);
        return perm?.map((axis) => input?.[axis]);
      }
      case 'Reshape':
        return this.#reshaped(node, input);
      case 'Squeeze': {
        const axes = this.#index.axes(node);
        if (input === undefined || axes === undefined) return undefined;
        const gone = new Set(axes.map((axis) => (axis + input.length) % input.length));
        return input.filter((_, axis) => !gone.has(axis));
      }
      case 'Unsqueeze': {
        const axes = this.#index.axes(node);
        if (input === undefined || axes === undefined) return undefined;
        const rank = input.length + axes.length;
        const added = new Set(axes.map((axis) => (axis + rank) % rank));
        const rest = [...input];
        return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()));
      }
      case 'Shape':
        return [input?.length];
      default:
        return undefined;
    }
  }

  #reshaped(node: NodeProto, input: Shape | undefined): Shape | undefined {
    const target = this.#index.constantIntegers(node.input[1]);
    if (target !== undefined) {
      return target.map((dim, axis) => (dim === 0 ? input?.[axis] : dim < 0 ? undefined : dim));
    }
    const rank = this.shape(node.input[1] ?? '')?.[0];
    if (rank !== undefined) return rank > LARGEST_RANK ? undefined : Array<undefined>(rank).fill(undefined);
    const parts = this.#index.producer(node.input[1] ?? '');
    if (parts?.opType !== 'Concat' || !parts.input.every((name) => this.shape(name)?.[0] === 1))
      return undefined;
    return parts.input.map(() => undefined);
  }

  #reduced(node: NodeProto, input: Shape | undefined): Shape | undefined {
    const axes = this.#index.axes(node);
    if (input === undefined || axes === undefined) return undefined;
    const gone = new Set(axes.map((axis) => (axis + input.length) % input.length));
    if (intAttribute(node, 'keepdims', 1) === 1) return input.map((dim, axis) => (gone.has(axis) ? 1 : dim));
    return input.filter((_, axis) => !gone.has(axis));
  }

  #findType(tensor: string): number {
    const constant = this.#index.constant(tensor);
    if (constant !== undefined) return constant.dataType;
    const info = this.#declared.get(tensor);
    const declared = info && declaredType(info);
    if (declared !== undefined) return declared;
    const node = this.#index.producer(tensor);
    if (node === undefined) return DataType.FLOAT;
    if (node.opType === 'Cast') return intAttribute(node, 'to', DataType.FLOAT);
    if (node.opType === 'DequantizeLinear') return this.elementType(node.input[1]!);
    if (node.opType === 'QuantizeLinear') {
      return node.input[2] ? this.elementType(node.input[2]) : DataType.UINT8;
    }
    if (INTEGERS.has(node.opType)) return DataType.INT64;
    if (BOOLEANS.has(node.opType)) return DataType.BOOL;
    const source = node.opType === 'Where' ? node.input[1] : node.input[0];
    return source === undefined ? DataType.FLOAT : this.elementType(source);
  }
}

function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  const known = shapes.filter((shape) => shape !== undefined);
  if (known.length < shapes.length) return undefined;
  const rank = Math.max(...known.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = known.map((shape) => {
      const own = axis - rank + shape.length;
      return own < 0 ? 1 : shape[own];
    });
    const wide = sizes.find((size) => size !== undefined && size !== 1);
    return wide ?? (sizes.every((size) => size === 1) ? 1 : undefined);
  });
}
