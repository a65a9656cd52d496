/** Files: what is read, what is refused, and how they are written. */

import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { TensorProto_DataLocation as Location, ModelProtoSchema } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { onnxFormat, onnxModel } from '../src/index.js';
import { ModelBuilder } from './build-model.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spherize-format-'));
});
afterEach(() => rm(folder, { recursive: true }));

function build(): ModelBuilder {
  const b = new ModelBuilder();
  b.node('Gemm', [b.input('x', [undefined, 3]), b.weight('fc.weight', [3, 2])], {}, ['y']);
  return b.output('y', [undefined, 2]);
}

test('it recognises files by their name', () => {
  expect(['a.onnx', 'b/C.ONNX', 'a.onnx.gz', 'model.json', 'onnx'].map(onnxFormat.matches)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

describe('read', () => {
  test('gives the model and the size of its file', async () => {
    const bytes = build().build();
    const path = join(folder, 'a.onnx');
    await writeFile(path, bytes);
    const read = await onnxFormat.read(path);
    expect(read.bytes).toBe(bytes.length);
    expect(read.model.layers).toHaveLength(1);
    expect(read.model.parameters).toBe(6);
    expect(read.model.inputs).toEqual([{ name: 'x', shape: [undefined, 3] }]);
    expect(read.model.outputs).toEqual([{ name: 'y', shape: [undefined, 2] }]);
  });

  test('a missing file', async () => {
    const path = join(folder, 'a.onnx');
    const error = { code: 'NOT_FOUND', message: `there is no file ${path}` };
    await expect(onnxFormat.read(path)).rejects.toMatchObject(error);
    await expect(onnxFormat.read(join(path, 'b.onnx'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a folder', async () => {
    await expect(onnxFormat.read(folder)).rejects.toMatchObject({ code: 'BAD_FILE' });
  });

  const empty = create(ModelProtoSchema, { graph: { name: 'g' }, opsetImport: [{ version: 13n }] });
  const whole = fromBinary(ModelProtoSchema, build().build());
  test.each<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(0), 'it is empty'],
    ['text', new TextEncoder().encode('hello, this is not a model\n'), 'it cannot be decoded'],
    ['zeros', new Uint8Array(64), 'it cannot be decoded'],
    ['half a model', build().build().subarray(0, 60), 'it cannot be decoded'],
    ['a model without nodes', toBinary(ModelProtoSchema, empty), 'it has no graph'],
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), 'it cannot be decoded'],
    [
      'a model without operator sets',
      toBinary(ModelProtoSchema, create(ModelProtoSchema, { graph: whole.graph! })),
      'it names no operator set',
    ],
  ])('%s', async (_, bytes, why) => {
    const path = join(folder, 'a.onnx');
    await writeFile(path, bytes);
    const message = `${path} is not an ONNX model: ${why}`;
    await expect(onnxFormat.read(path)).rejects.toMatchObject({
      name: 'InputError',
      code: 'BAD_FILE',
      message,
    });
  });

  test('a weight with too few values', () => {
    const b = build();
    b.initializers[0]!.rawData = b.initializers[0]!.rawData.subarray(4);
    expect(() => onnxModel(b.build())).toThrow(
      expect.objectContaining({
        code: 'BAD_FILE',
        message:
          "the data is not a valid ONNX model: tensor 'fc.weight' of dims [3, 2] needs 24 bytes, it has 20",
      }),
    );
  });

  test('bytes at any address', () => {
    const bytes = build().build();
    const values = [0, 1, 2, 3].map((shift) => {
      const moved = new Uint8Array(bytes.length + shift);
      moved.set(bytes, shift);
      return onnxModel(moved.subarray(shift)).weights('fc').data;
    });
    for (const other of values.slice(1)) expect(other).toEqual(values[0]);
    expect(onnxModel(Buffer.from(bytes)).weights('fc').data).toEqual(values[0]);
  });

  test('values in the typed field', () => {
    const b = build();
    b.initializers[0]!.rawData = new Uint8Array(0);
    b.initializers[0]!.floatData = [1, 2, 3, 4, 5, 6];
    expect([...onnxModel(b.build()).weights('fc').data]).toEqual([1, 3, 5, 2, 4, 6]);
  });
});

describe('external data', () => {
  async function writeExternal(entries: Record<string, string>): Promise<string> {
    const b = build();
    const [tensor] = b.initializers;
    tensor!.rawData = new Uint8Array(0);
    tensor!.dataLocation = Location.EXTERNAL;
    tensor!.externalData = Object.entries(entries).map(([key, value]) => ({
      $typeName: 'onnx.StringStringEntryProto',
      key,
      value,
    }));
    const path = join(folder, 'model', 'a.onnx');
    await mkdir(join(folder, 'model'), { recursive: true });
    await writeFile(path, b.build());
    await writeFile(
      join(folder, 'model', 'a.data'),
      new Uint8Array(Float32Array.of(9, 1, 2, 3, 4, 5, 6).buffer),
    );
    await writeFile(join(folder, 'outside.data'), new Uint8Array(24));
    return path;
  }

  test('is read from beside the model, and written into it', async () => {
    const path = await writeExternal({ location: 'a.data', offset: '4', length: '24' });
    const { model, bytes, files } = await onnxFormat.read(path);
    expect([...model.weights('fc').data]).toEqual([1, 3, 5, 2, 4, 6]);
    expect(files?.map((file) => basename(file))).toEqual([basename(path), 'a.data']);
    expect(bytes).toBe((await readFile(path)).length + 24);
    await model.write(join(folder, 'b.onnx'));
    const again = await onnxFormat.read(join(folder, 'b.onnx'));
    expect(again.model.weights('fc')).toEqual(model.weights('fc'));
  });

  test.each<[Record<string, string>, string]>([
    [{ location: '../outside.data' }, 'UNSUPPORTED'],
    [{ location: '/etc/hostname' }, 'UNSUPPORTED'],
    [{ location: 'link.data' }, 'UNSUPPORTED'],
    [{}, 'UNSUPPORTED'],
    [{ location: 'none.data' }, 'NOT_FOUND'],
    [{ location: 'a.data', offset: '8', length: '24' }, 'BAD_FILE'],
    [{ location: 'a.data', offset: '-4', length: '24' }, 'BAD_FILE'],
    [{ location: 'a.data', offset: 'x' }, 'BAD_FILE'],
  ])('%j is refused', async (entries, code) => {
    const path = await writeExternal(entries);
    await symlink(join(folder, 'outside.data'), join(folder, 'model', 'link.data'));
    await expect(onnxFormat.read(path)).rejects.toMatchObject({ name: 'InputError', code });
  });
});

describe('write', () => {
  test('replaces a file and leaves nothing else behind', async () => {
    const path = join(folder, 'a.onnx');
    await writeFile(path, 'old');
    const bytes = build().build();
    expect(await onnxModel(bytes).write(path)).toBe(bytes.length);
    expect(new Uint8Array(await readFile(path))).toEqual(bytes);
    expect(await readdir(folder)).toEqual(['a.onnx']);
  });

  test('a folder that does not exist is named', async () => {
    const missing = join(folder, 'none');
    await expect(onnxModel(build().build()).write(join(missing, 'a.onnx'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(`there is no folder ${missing}`),
    });
  });

  test('a failure leaves the target and its folder as they were', async () => {
    await mkdir(join(folder, 'a.onnx'));
    await expect(onnxModel(build().build()).write(join(folder, 'a.onnx'))).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['a.onnx']);
  });
});
