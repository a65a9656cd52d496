/**
 * Ranks, shapes and element types of tensors, as far as the file declares them or a simple forward pass finds them.
 *
 * What stays unknown is undefined: users of this module must cope, never guess.
 */
import { TensorProto_DataType as DataType, type ValueInfoProto } from 'onnx-buf';
import type { GraphIndex } from './graph-index.js';
import { declaredShape, declaredType, type Shape } from './onnx-protos.js';
import type { ShapeFacts } from './operators/operator.js';
import { operatorOf } from './operators/operator-table.js';
import { dimsOf, LARGEST_RANK } from './tensor-values.js';

export class TensorShapes implements ShapeFacts {
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
    const operator = node && operatorOf(node);
    if (node === undefined || (node.output[0] !== tensor && !operator?.outputsAlike)) return undefined;
    return operator?.shape?.(node, { index: this.#index, shapes: this });
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
