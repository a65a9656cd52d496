import { create, toBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { encodedParts } from '../src/proto/encode-model.js';
import { makeNode } from '../src/proto/onnx-protos.js';
import { randomValues } from './build-model.js';

/** From here on tensors are not copied. */
const LARGE = 2 ** 16;

function tensor(name: string, bytes: number): TensorProto {
  const rawData = new Uint8Array(randomValues(bytes / 4, name.length).buffer as ArrayBuffer);
  return create(TensorProtoSchema, {
    name,
    dims: [BigInt(bytes / 4)],
    dataType: DataType.FLOAT,
    rawData,
    docString: 'behind the values',
  });
}

function model(initializer: TensorProto[]): ModelProto {
  const result = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: 'tests',
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'graph',
      docString: 'before the inputs',
      node: [makeNode('Relu', 'relu', ['x'], ['y'])],
      initializer,
      input: [{ name: 'x' }],
      output: [{ name: 'y' }],
      metadataProps: [{ key: 'a', value: 'b' }],
    },
    metadataProps: [{ key: 'c', value: 'd' }],
    functions: [{ name: 'f', domain: 'local' }],
  });
  result.$unknown = [{ no: 3000, wireType: 0, data: Uint8Array.of(1) }];
  result.graph!.$unknown = [{ no: 4000, wireType: 0, data: Uint8Array.of(2) }];
  return result;
}

describe('encodedParts', () => {
  const unknown = tensor('u', LARGE);
  unknown.$unknown = [{ no: 5000, wireType: 0, data: Uint8Array.of(3) }];
  test.each<[string, TensorProto[]]>([
    ['no tensors', []],
    ['small ones', [tensor('a', 4), tensor('b', LARGE - 4)]],
    ['large ones', [tensor('a', LARGE), tensor('b', 4 * LARGE)]],
    [
      'both in turn',
      [tensor('a', 8), tensor('b', LARGE), tensor('c', 12), tensor('d', 16), tensor('e', LARGE)],
    ],
    ['fields nobody knows', [tensor('a', 8), unknown]],
  ])('gives the bytes of toBinary: %s', (_, initializer) => {
    const proto = model(initializer);
    expect(Buffer.concat(encodedParts(proto)).equals(toBinary(ModelProtoSchema, proto))).toBe(true);
  });

  test('large values are not copied, and the model stays as it is', () => {
    const large = tensor('a', LARGE);
    const proto = model([large]);
    const before = toBinary(ModelProtoSchema, proto);
    expect(encodedParts(proto)).toContain(large.rawData);
    expect(Buffer.from(toBinary(ModelProtoSchema, proto)).equals(before)).toBe(true);
  });
});
