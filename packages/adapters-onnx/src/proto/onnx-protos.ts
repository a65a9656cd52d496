/** Reading attributes of ONNX nodes, and making and copying protobuf messages. */
import { create, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import type { ElementType } from '@spherize/core';
import {
  type AttributeProto,
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type NodeProto,
  NodeProtoSchema,
  type TypeProto,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** A shape as far as it is known: `undefined` for a free axis. */
export type Shape = readonly (number | undefined)[];

/** A shallow copy that keeps the prototype, where protobuf-es has the defaults of unset fields. */
export function copyMessage<T extends Message>(message: T, changes: Partial<T> = {}): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes) as T;
}

/** Whether a node is the operator of the standard operator set. */
export function isStandard(node: NodeProto): boolean {
  return node.domain === '' || node.domain === 'ai.onnx';
}

export function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((candidate) => candidate.name === name);
}

export function intAttribute(node: NodeProto, name: string, missing: number): number {
  const found = attribute(node, name);
  return found === undefined ? missing : Number(found.i);
}

export function floatAttribute(node: NodeProto, name: string, missing: number): number {
  return attribute(node, name)?.f ?? missing;
}

export function intsAttribute(node: NodeProto, name: string): number[] | undefined {
  return attribute(node, name)?.ints.map(Number);
}

/** A node of the standard operator set; numbers become INT attributes and arrays INTS. */
export function makeNode(
  opType: string,
  name: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    name,
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(
      ([key, value]): MessageInitShape<typeof AttributeProtoSchema> =>
        typeof value === 'number'
          ? { name: key, type: AttributeType.INT, i: BigInt(value) }
          : { name: key, type: AttributeType.INTS, ints: value.map(BigInt) },
    ),
  });
}

/** A tensor's declaration as graph input or output; without a shape the rank is free. */
export function makeValueInfo(name: string, elemType: number, shape: Shape | undefined): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name, type: makeTensorType(elemType, shape) });
}

export function makeTensorType(elemType: number, shape: Shape | undefined): TypeProto {
  const dim = shape?.map((size) =>
    size === undefined ? {} : { value: { case: 'dimValue' as const, value: BigInt(size) } },
  );
  const value = dim === undefined ? { elemType } : { elemType, shape: { dim } };
  return create(TypeProtoSchema, { value: { case: 'tensorType', value } });
}

/** The shape that a declaration gives, or undefined when it leaves the rank open. */
export function declaredShape(info: ValueInfoProto): Shape | undefined {
  const type = info.type?.value;
  if (type?.case !== 'tensorType' || type.value.shape === undefined) return undefined;
  return type.value.shape.dim.map(({ value }) =>
    value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : undefined,
  );
}

/** The element type that a declaration gives, or undefined when it is no tensor. */
export function declaredType(info: ValueInfoProto): number | undefined {
  const type = info.type?.value;
  return type?.case === 'tensorType' && type.value.elemType !== 0 ? type.value.elemType : undefined;
}

const ELEMENT_TYPES: Readonly<Partial<Record<DataType, ElementType>>> = {
  [DataType.FLOAT16]: 'float16',
  [DataType.FLOAT]: 'float32',
  [DataType.DOUBLE]: 'float64',
  [DataType.INT8]: 'int8',
  [DataType.UINT8]: 'uint8',
  [DataType.INT16]: 'int16',
  [DataType.UINT16]: 'uint16',
  [DataType.INT32]: 'int32',
  [DataType.UINT32]: 'uint32',
  [DataType.INT64]: 'int64',
  [DataType.UINT64]: 'uint64',
  [DataType.BOOL]: 'bool',
  [DataType.STRING]: 'string',
};

/** The type of an input or output; float32 where a tensor's declaration leaves it open. */
export function elementType(info: ValueInfoProto): ElementType {
  const kind = info.type?.value.case;
  if (kind !== undefined && kind !== 'tensorType') return 'other';
  const declared = declaredType(info);
  return declared === undefined ? 'float32' : (ELEMENT_TYPES[declared as DataType] ?? 'other');
}
