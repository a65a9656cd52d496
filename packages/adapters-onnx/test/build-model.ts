/** Builds small ONNX models in code. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  TensorProto_DataLocation as Location,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type SparseTensorProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TypeProto_SequenceSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { decodeModel } from '../src/proto/decode-model.js';
import { makeValueInfo } from '../src/proto/onnx-protos.js';
import { floatTensor, int64Tensor } from '../src/proto/tensor-values.js';

export type AttributeValue =
  | number
  | readonly number[]
  | { float: number }
  | { text: string }
  | { tensor: TensorProto }
  | { graph: GraphProto };

/** The same numbers in [-1, 1) for the same seed. */
export function randomValues(size: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export class ModelBuilder {
  readonly opset: number;
  readonly irVersion: number;
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly sparse: SparseTensorProto[] = [];
  readonly functions: FunctionProto[] = [];
  readonly inputs: ValueInfoProto[] = [];
  readonly outputs: ValueInfoProto[] = [];
  readonly valueInfo: ValueInfoProto[] = [];
  #count = 0;

  constructor(opset = 13, irVersion = 7) {
    this.opset = opset;
    this.irVersion = irVersion;
  }

  name(stem: string): string {
    return `${stem}_${this.#count++}`;
  }

  input(name: string, shape: readonly (number | undefined)[], type: number = DataType.FLOAT): string {
    this.inputs.push(makeValueInfo(name, type, shape));
    return name;
  }

  output(name: string, shape?: readonly (number | undefined)[], type: number = DataType.FLOAT): this {
    this.outputs.push(makeValueInfo(name, type, shape));
    return this;
  }

  /** An output that is a sequence of float tensors. */
  sequenceOutput(name: string): this {
    const elemType = makeValueInfo(name, DataType.FLOAT, undefined).type!;
    const type = create(TypeProtoSchema, {
      value: { case: 'sequenceType', value: create(TypeProto_SequenceSchema, { elemType }) },
    });
    this.outputs.push(create(ValueInfoProtoSchema, { name, type }));
    return this;
  }

  weight(
    name: string,
    dims: readonly number[],
    values: Float32Array = randomValues(
      dims.reduce((product, dim) => product * dim, 1),
      name.length + this.initializers.length,
    ),
    type: number = DataType.FLOAT,
  ): string {
    this.initializers.push(floatTensor(name, dims, type, values));
    return name;
  }

  integers(values: readonly number[]): string {
    const name = this.name('ints');
    this.initializers.push(int64Tensor(name, values));
    return name;
  }

  /** An initializer of whole numbers that all have one value, of at most eight bits. */
  whole(name: string, dims: readonly number[], type: number, value: number): string {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const int32Data = new Array<number>(size).fill(value);
    const own = type === DataType.UINT32 ? { uint64Data: int32Data.map(BigInt) } : { int32Data };
    this.initializers.push(
      create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: type, ...own }),
    );
    return name;
  }

  /** A scalar int64. */
  integer(value: number): string {
    const name = this.integers([value]);
    const tensor = this.initializers.at(-1)!;
    tensor.dims = [];
    return name;
  }

  /** The constant `true`. */
  truth(): string {
    const name = this.name('true');
    const init = { name, dataType: DataType.BOOL, rawData: Uint8Array.of(1) };
    this.initializers.push(create(TensorProtoSchema, init));
    return name;
  }

  /** A Constant node. */
  constant(name: string, dims: readonly number[], values: Float32Array): string {
    this.node('Constant', [], { value: { tensor: floatTensor('', dims, DataType.FLOAT, values) } }, [name]);
    return name;
  }

  /** Adds a node and returns its first output. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output: readonly string[] = [this.name(opType.toLowerCase())],
    name: string = output[0]!,
    domain = '',
  ): string {
    const attribute = Object.entries(attributes).map(([key, value]) => makeAttribute(key, value));
    this.nodes.push(
      create(NodeProtoSchema, { opType, name, domain, input: [...input], output: [...output], attribute }),
    );
    return output[0]!;
  }

  graph(): GraphProto {
    return create(GraphProtoSchema, {
      name: 'test',
      node: this.nodes,
      initializer: this.initializers,
      sparseInitializer: this.sparse,
      input:
        this.irVersion < 4
          ? [
              ...this.inputs,
              ...this.initializers.map((t) => makeValueInfo(t.name, t.dataType, t.dims.map(Number))),
            ]
          : this.inputs,
      output: this.outputs,
      valueInfo: this.valueInfo,
    });
  }

  build(): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: BigInt(this.irVersion),
      producerName: 'test',
      opsetImport: [
        { domain: '', version: BigInt(this.opset) },
        ...[...new Set(this.nodes.map(({ domain }) => domain))]
          .filter((domain) => domain !== '')
          .map((domain) => ({ domain, version: 1n })),
      ],
      graph: this.graph(),
      functions: this.functions,
    });
    return toBinary(ModelProtoSchema, model);
  }
}

function makeAttribute(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  }
  if ('float' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  }
  if ('text' in value) {
    const s = new TextEncoder().encode(value.text);
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s });
  }
  if ('tensor' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: value.tensor });
  }
  if ('graph' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value.graph });
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

/** Says that a tensor's values lie in a file. */
export function makeExternal(tensor: TensorProto, entries: Readonly<Record<string, string>>): void {
  tensor.rawData = new Uint8Array();
  tensor.dataLocation = Location.EXTERNAL;
  tensor.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
}

/** The same model with all that its tensors hold in one file beside it. @param location where, from the model's folder */
export function withDataBeside(bytes: Uint8Array, location: string): { model: Uint8Array; data: Uint8Array } {
  const proto = decodeModel(bytes, 'the model');
  const pieces: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of proto.graph!.initializer) {
    const { rawData } = tensor;
    pieces.push(rawData);
    makeExternal(tensor, { location, offset: `${offset}`, length: `${rawData.length}` });
    offset += rawData.length;
  }
  return { model: toBinary(ModelProtoSchema, proto), data: Buffer.concat(pieces) };
}

/** The same model with other names for some of its inputs and outputs. */
export function renamed(bytes: Uint8Array, names: Readonly<Record<string, string>>): Uint8Array {
  const proto = decodeModel(bytes, 'the model');
  const { node, input, output } = proto.graph!;
  const called = (name: string) => names[name] ?? name;
  for (const info of [...input, ...output]) info.name = called(info.name);
  for (const one of node) {
    one.input = one.input.map(called);
    one.output = one.output.map(called);
  }
  return toBinary(ModelProtoSchema, proto);
}

/** A tensor of int32 zeros. */
export function integerZeros(name: string, dims: readonly number[]): TensorProto {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: DataType.INT32,
    rawData: new Uint8Array(4 * size),
  });
}
