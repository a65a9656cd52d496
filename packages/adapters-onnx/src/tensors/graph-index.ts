/** Who produces and who reads every tensor of an ONNX graph, and which tensors are constants. */
import { create } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { attribute, copyMessage, intAttribute, intsAttribute, isStandard } from '../proto/onnx-protos.js';
import { floatTensor, int64Tensor } from '../proto/tensor-values.js';
import { dequantised, quantisedConstant } from './dequantization.js';

/** A constant operand followed to the tensor that holds its values. */
export interface ConstantSource {
  readonly tensor: TensorProto;
  /** Names from the operand to the source, at least one. */
  readonly names: readonly string[];
  /** Nodes between source and operand: Identity, Transpose, and the Constant or DequantizeLinear itself. */
  readonly nodes: readonly NodeProto[];
  /** What a DequantizeLinear reads, values first; empty for other sources. */
  readonly quantised: readonly string[];
  /** Whether the operand is the transpose of the tensor. */
  readonly transposed: boolean;
}

/** Nodes between a constant and its reader that are looked through; a longer chain counts as a computation. */
const LONGEST_CHAIN = 64;

export class GraphIndex {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Graph inputs that are not initializers. */
  readonly inputs: readonly ValueInfoProto[];
  /**
   * Names of the initializers that are graph inputs too, and which callers of the file may replace from IR version 4 on. They are
   * taken as constants, and a rewritten model no longer has them as inputs: what was decided from their values holds.
   */
  readonly defaults: readonly string[];
  readonly #producers = new Map<string, NodeProto>();
  readonly #consumers = new Map<string, NodeProto[]>();
  readonly #outputs: ReadonlySet<string>;
  readonly #constants = new Map<string, TensorProto>();
  readonly #dequantised = new Map<NodeProto, TensorProto>();
  #computed: ReadonlySet<string> | undefined;

  /** @param dequantize whether DequantizeLinear of constants counts as a constant */
  constructor(
    model: ModelProto,
    readonly dequantize = false,
  ) {
    this.model = model;
    this.graph = model.graph ?? create(GraphProtoSchema);
    this.opset = Number(
      model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n,
    );
    this.initializers = new Map(this.graph.initializer.map((tensor) => [tensor.name, tensor]));
    const sparse = new Set(this.graph.sparseInitializer.map(({ values }) => values?.name));
    this.inputs = this.graph.input.filter(({ name }) => !this.initializers.has(name) && !sparse.has(name));
    const listed = this.graph.input.filter(({ name }) => this.initializers.has(name));
    this.defaults = model.irVersion >= 4n ? listed.map(({ name }) => name) : [];
    this.#outputs = new Set(this.graph.output.map(({ name }) => name));
    for (const node of this.graph.node) {
      for (const name of node.output) if (name !== '') this.#producers.set(name, node);
      for (const name of tensorsReadBy(node)) {
        const readers = this.#consumers.get(name);
        if (readers === undefined) this.#consumers.set(name, [node]);
        else readers.push(node);
      }
    }
  }

  producer(tensor: string): NodeProto | undefined {
    return this.#producers.get(tensor);
  }

  /** The nodes that read a tensor, once per use, including uses inside their subgraphs. */
  consumers(tensor: string): readonly NodeProto[] {
    return this.#consumers.get(tensor) ?? [];
  }

  isOutput(tensor: string): boolean {
    return this.#outputs.has(tensor);
  }

  /** How often a tensor is read, plus one if it is a graph output. */
  uses(tensor: string): number {
    return this.consumers(tensor).length + (this.isOutput(tensor) ? 1 : 0);
  }

  /** The value of an initializer or of a Constant node. */
  constant(name: string): TensorProto | undefined {
    if (name === '') return undefined;
    const initializer = this.initializers.get(name);
    if (initializer !== undefined) return initializer;
    const node = this.producer(name);
    if (node === undefined || node.opType !== 'Constant' || !isStandard(node)) return undefined;
    const known = this.#constants.get(name);
    if (known !== undefined) return known;
    const value = constantValue(node, name);
    if (value !== undefined) this.#constants.set(name, value);
    return value;
  }

  /** Follows an operand through Identity, and a matrix through Transpose, to a constant. */
  constantSource(operand: string): ConstantSource | undefined {
    const names: string[] = [];
    const nodes: NodeProto[] = [];
    let transposed = false;
    for (let name = operand; names.length <= LONGEST_CHAIN; ) {
      names.push(name);
      const node = this.producer(name);
      const tensor = this.constant(name);
      if (tensor !== undefined) {
        if (node !== undefined) nodes.push(node);
        return transposed && tensor.dims.length !== 2
          ? undefined
          : { tensor, names, nodes, transposed, quantised: [] };
      }
      if (node === undefined || !isStandard(node)) return undefined;
      if (node.opType === 'DequantizeLinear') {
        const floats = this.dequantize ? this.#dequantise(node) : undefined;
        if (floats === undefined || (transposed && floats.dims.length !== 2)) return undefined;
        nodes.push(node);
        const quantised = node.input.filter((input) => input !== '');
        return { tensor: floats, names, nodes, transposed, quantised };
      }
      if (node.opType === 'Transpose') {
        const perm = intsAttribute(node, 'perm') ?? [1, 0];
        if (perm.length !== 2) return undefined;
        if (perm[0] === 1) transposed = !transposed;
      } else if (node.opType !== 'Identity') {
        return undefined;
      }
      nodes.push(node);
      name = node.input[0]!;
    }
    return undefined;
  }

  /** The node that computes a tensor from constants alone, if it does. */
  constantMaker(tensor: string): NodeProto | undefined {
    this.#computed ??= this.#computedFromConstants();
    return this.#computed.has(tensor) ? this.producer(tensor) : undefined;
  }

  /** In the order of the graph, where every tensor is made before it is read. */
  #computedFromConstants(): Set<string> {
    const computed = new Set<string>();
    for (const node of this.graph.node) {
      const fixed = (name: string) => computed.has(name) || this.constantSource(name) !== undefined;
      const read = tensorsReadBy(node);
      if (read.length === 0 || !read.every(fixed)) continue;
      for (const name of node.output) if (name !== '') computed.add(name);
    }
    return computed;
  }

  #dequantise(node: NodeProto): TensorProto | undefined {
    const known = this.#dequantised.get(node);
    if (known !== undefined) return known;
    const quantised = quantisedConstant(node, (name) => this.constant(name));
    if (quantised === undefined) return undefined;
    const floats = dequantised(node.output[0]!, quantised);
    this.#dequantised.set(node, floats);
    return floats;
  }

  /** Whether anything but the chain from a constant to one operand uses it. */
  isSharedSource(source: ConstantSource): boolean {
    return source.names.some((name) => this.uses(name) > 1);
  }
}

/** Names of the tensors that a node reads, once per use: its inputs, and what its subgraphs take from outside. */
export function tensorsReadBy(node: NodeProto): string[] {
  const names = node.input.filter((name) => name !== '');
  for (const { g, graphs } of node.attribute) {
    for (const graph of g === undefined ? graphs : [g, ...graphs]) names.push(...capturedBy(graph));
  }
  return names;
}

function capturedBy(graph: GraphProto): string[] {
  const inner = new Set<string>([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.sparseInitializer.map(({ values }) => values?.name ?? ''),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  return [...graph.node.flatMap(tensorsReadBy), ...graph.output.map(({ name }) => name)].filter(
    (name) => !inner.has(name),
  );
}

function constantValue(node: NodeProto, name: string): TensorProto | undefined {
  const value = attribute(node, 'value')?.t;
  if (value !== undefined) return copyMessage(value, { name });
  const float = attribute(node, 'value_float');
  if (float !== undefined) return floatTensor(name, [], DataType.FLOAT, Float32Array.of(float.f));
  const floats = attribute(node, 'value_floats')?.floats;
  if (floats !== undefined) {
    return floatTensor(name, [floats.length], DataType.FLOAT, Float32Array.from(floats));
  }
  if (attribute(node, 'value_int') !== undefined) {
    return copyMessage(int64Tensor(name, [intAttribute(node, 'value_int', 0)]), { dims: [] });
  }
  const ints = intsAttribute(node, 'value_ints');
  return ints === undefined ? undefined : int64Tensor(name, ints);
}
