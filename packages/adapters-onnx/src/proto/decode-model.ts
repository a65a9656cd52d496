/** Decodes the bytes of an ONNX file. */
import { fromBinary } from '@bufbuild/protobuf';
import { InputError } from '@spherize/core';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';

/**
 * @param source what to call the bytes in messages
 * @throws InputError `BAD_FILE` when they are no ONNX model
 */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto {
  const refuse = (why: string, cause?: unknown) =>
    new InputError('BAD_FILE', `${source} is not an ONNX model: ${why}; export or fetch it again`, { cause });
  if (bytes.length === 0) throw refuse('it is empty');
  let model: ModelProto;
  try {
    // A plain view: the methods of Buffer differ from those of Uint8Array.
    model = fromBinary(ModelProtoSchema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw refuse('it cannot be decoded', error);
  }
  if (model.graph === undefined || model.graph.node.length === 0) throw refuse('it has no graph');
  if (model.opsetImport.length === 0) throw refuse('it names no operator set');
  return model;
}
