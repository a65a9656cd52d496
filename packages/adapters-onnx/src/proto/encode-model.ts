/** Encodes a model without copying its large tensors. */
import { create, type DescMessage, type Message, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { InputError } from '@spherize/core';
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf';
import { copyMessage } from './onnx-protos.js';

/** Tensors of at least this many bytes are not copied. */
const LARGE = 2 ** 16;

/** The most that one protobuf message may hold. */
const LARGEST_MESSAGE = 2 ** 31 - 1;
/** What nodes, names and shapes take beside the tensors' values, generously. */
const MESSAGE_ROOM = 2 ** 24;

const GRAPH = ModelProtoSchema.field.graph.number;
const INITIALIZER = GraphProtoSchema.field.initializer.number;
const RAW_DATA = TensorProtoSchema.field.rawData.number;

/** Whether a model is too large for one protobuf message. */
export function needsExternalData(model: ModelProto): boolean {
  const { initializer = [] } = model.graph ?? {};
  const values = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  return values > LARGEST_MESSAGE - MESSAGE_ROOM;
}

/**
 * A model as one message.
 *
 * @throws InputError `UNSUPPORTED` for more than one message may hold
 */
export function encodedModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  if (needsExternalData(model)) {
    throw new InputError(
      'UNSUPPORTED',
      'the model is larger than 2 GiB, where one ONNX message ends: write it to files, its weights as external data',
    );
  }
  const parts = encodedParts(model);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

/**
 * The bytes of `toBinary`, in pieces: what lies around the values of large initializers, and those values where they are. `toBinary` itself
 * copies every tensor once per message around it.
 */
export function encodedParts(model: ModelProto): Uint8Array[] {
  const graph = model.graph!;
  const tensors: Uint8Array[] = [];
  let small: TensorProto[] = [];
  const encodeSmall = (): void => {
    if (small.length > 0)
      tensors.push(toBinary(GraphProtoSchema, create(GraphProtoSchema, { initializer: small })));
    small = [];
  };
  for (const tensor of graph.initializer) {
    if (tensor.rawData.length < LARGE) small.push(tensor);
    else {
      encodeSmall();
      const encoded = around(TensorProtoSchema, tensor, RAW_DATA, delimited(RAW_DATA, [tensor.rawData]));
      tensors.push(...delimited(INITIALIZER, encoded));
    }
  }
  encodeSmall();
  const encodedGraph = delimited(GRAPH, around(GraphProtoSchema, graph, INITIALIZER, tensors));
  return around(ModelProtoSchema, model, GRAPH, encodedGraph).filter(({ length }) => length > 0);
}

/** A message whose field of this number is encoded already. Fields are written in the order of their numbers, unknown ones last. */
function around<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
  number: number,
  encoded: readonly Uint8Array[],
): Uint8Array[] {
  return [
    toBinary(
      schema,
      onlyFields(schema, message, (other) => other < number),
      { writeUnknownFields: false },
    ),
    ...encoded,
    toBinary(
      schema,
      onlyFields(schema, message, (other) => other > number),
    ),
  ];
}

/** A shallow copy in which all other fields are unset. */
function onlyFields<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema>,
  keep: (number: number) => boolean,
): MessageShape<Schema> {
  const copy = copyMessage(message as Message) as Message & Record<string, unknown>;
  for (const { number, localName, fieldKind } of schema.fields) {
    if (keep(number)) continue;
    if (fieldKind === 'list') copy[localName] = [];
    else delete copy[localName];
  }
  return copy as MessageShape<Schema>;
}

/** A field that holds bytes or a message. */
function delimited(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(length).finish();
  return [head, ...parts];
}
