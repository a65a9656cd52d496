/** Files: what is read, what is refused, and how they are written. */

import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { denseMatrix } from '@spherize/core';
import { TensorProto_DataLocation as Location, ModelProtoSchema } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readModel } from '../src/file/read-model.js';
import { writeWithExternalData } from '../src/file/write-model.js';
import { onnxFormat, onnxModel } from '../src/node.js';
import * as native from '../src/runtime/node-runtime.js';
import { startSession } from '../src/runtime/session.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';

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
    const message = `${path} is not an ONNX model: ${why}; export or fetch it again`;
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
          "the data is not a valid ONNX model: tensor 'fc.weight' of dims [3, 2] needs 24 bytes, it has 20; export it again",
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

  test('most weights of a file are viewed in place, wherever they lie in it', async () => {
    for (const name of ['w', 'ww', 'www', 'wwww']) {
      const b = new ModelBuilder();
      b.node('Gemm', [b.input('x', [undefined, 30]), b.weight(name, [30, 40])], { transB: 0 }, ['h']);
      b.node('Gemm', ['h', b.weight('small.weight', [20, 40])], { transB: 1 }, ['y']);
      const bytes = b.output('y').build();
      const path = join(folder, 'a.onnx');
      await writeFile(path, bytes);
      const { model } = await onnxFormat.read(path);
      expect(model.weights(name).data).toEqual(onnxModel(bytes).weights(name).data);
      expect(model.weights('small').data).toEqual(onnxModel(bytes).weights('small').data);
      const tensor = fromBinary(ModelProtoSchema, (await readModel(path)).bytes).graph!.initializer[0]!;
      expect(tensor.rawData.byteOffset % 4).toBe(0);
      // As it is written again without a change.
      await model.write(join(folder, 'b.onnx'));
      expect(new Uint8Array(await readFile(join(folder, 'b.onnx')))).toEqual(bytes);
    }
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

  test('is read from beside the model, and written beside the new one', async () => {
    const path = await writeExternal({ location: 'a.data', offset: '4', length: '24' });
    const { model, bytes, files } = await onnxFormat.read(path);
    expect([...model.weights('fc').data]).toEqual([1, 3, 5, 2, 4, 6]);
    expect(files?.map((file) => basename(file))).toEqual([basename(path), 'a.data']);
    // All of the data file, whatever part of it the model uses.
    expect(bytes).toBe((await readFile(path)).length + 28);
    // What is this small goes into the model.
    await model.write(join(folder, 'b.onnx'));
    const again = await onnxFormat.read(join(folder, 'b.onnx'));
    expect(again.model.weights('fc')).toEqual(model.weights('fc'));
    expect(again.files).toEqual([join(folder, 'b.onnx')]);
  });

  test('is read through links, as caches of downloads lay them, and the links are replaced on writing', async () => {
    const b = new ModelBuilder();
    b.node('Gemm', [b.input('x', [undefined, 30]), b.weight('fc.weight', [30, 40])], {}, ['y']);
    const proto = fromBinary(ModelProtoSchema, b.output('y').build());
    const [blobs, snapshot] = [join(folder, 'blobs'), join(folder, 'snapshots', '1')];
    await mkdir(blobs);
    await mkdir(snapshot, { recursive: true });
    await writeWithExternalData(proto, join(snapshot, 'm.onnx'));
    for (const [name, hash] of [
      ['m.onnx', '6f1e'],
      ['m.onnx.data', '9d02'],
    ] as const) {
      await rename(join(snapshot, name), join(blobs, hash));
      await symlink(`../../blobs/${hash}`, join(snapshot, name));
    }
    const before = await Promise.all(['6f1e', '9d02'].map((hash) => readFile(join(blobs, hash))));
    const path = join(snapshot, 'm.onnx');
    const { model, files } = await onnxFormat.read(path);
    expect(model.weights('fc')).toEqual(onnxModel(b.build()).weights('fc'));
    expect(files).toEqual([path, join(await realpath(blobs), '9d02')]);
    expect(await onnxFormat.filesOf?.(path)).toEqual(files);
    const layers = [{ layer: 'fc', weights: denseMatrix(40, 30), bias: null, input: null }];
    await model.rewrite({ layers, features: [] }).write(path);
    expect(new Set((await onnxFormat.read(path)).model.weights('fc').data)).toEqual(new Set([0]));
    for (const name of ['m.onnx', 'm.onnx.data'])
      expect((await lstat(join(snapshot, name))).isSymbolicLink()).toBe(false);
    expect(await Promise.all(['6f1e', '9d02'].map((hash) => readFile(join(blobs, hash))))).toEqual(before);
    expect((await readdir(blobs)).sort()).toEqual(['6f1e', '9d02']);
  });

  test('may have a colon in its name', async () => {
    const path = await writeExternal({ location: 'w:1.bin', offset: '4', length: '24' });
    await rename(join(folder, 'model', 'a.data'), join(folder, 'model', 'w:1.bin'));
    expect([...(await onnxFormat.read(path)).model.weights('fc').data]).toEqual([1, 3, 5, 2, 4, 6]);
  });

  test.each([`${'n'.repeat(195)}.onnx`, `${'n'.repeat(250)}.onnx`, `${'圧'.repeat(83)}.onnx`])(
    'a model of any name that the file system takes has it beside it, also when replaced: %s',
    async (name) => {
      const b = new ModelBuilder();
      const x = b.input('x', [undefined, 30]);
      b.node('Gemm', [x, b.weight('fc.weight', [30, 40])], {}, ['y']);
      const proto = fromBinary(ModelProtoSchema, b.output('y', [undefined, 40]).build());
      const path = join(folder, name);
      for (let time = 0; time < 2; time++) {
        await writeWithExternalData(proto, path);
        expect(await readdir(folder)).toHaveLength(2);
        const input = { x: { shape: [3, 30], data: randomValues(90, 1) } };
        const session = await startSession(native, path);
        expectClose((await session.run(input)).y, (await run(onnxModel(b.build()), input)).y);
        await session.release();
      }
      const { files } = await onnxFormat.read(path);
      expect(files?.map((file) => basename(file)).sort()).toEqual((await readdir(folder)).sort());
    },
  );

  test('large values are written to a file of their own, aligned, and runtimes read them', async () => {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 30]);
    const h = b.node('Gemm', [x, b.weight('a.weight', [30, 40]), b.weight('a.bias', [40])]);
    b.node('Gemm', [h, b.weight('b.weight', [40, 20])], {}, ['y']);
    const proto = fromBinary(ModelProtoSchema, b.output('y', [undefined, 20]).build());
    const source = join(folder, 'source.onnx');
    const written = await writeWithExternalData(proto, source);
    expect((await readdir(folder)).sort()).toEqual(['source.onnx', 'source.onnx.data']);
    const read = await onnxFormat.read(source);
    expect(read.bytes).toBe(written);
    expect(await onnxFormat.filesOf?.(source)).toEqual(read.files);
    // A model that came with external data leaves with external data, also after a rewrite.
    const layers = [{ layer: 'b', weights: read.model.weights('b'), bias: null, input: null }];
    const rewritten = read.model.rewrite({ layers, features: [] });
    const target = join(folder, 'target.onnx');
    const bytes = await rewritten.write(target);
    const again = await onnxFormat.read(target);
    expect(again.bytes).toBe(bytes);
    expect(again.files?.map((file) => basename(file))).toEqual(['target.onnx', 'target.onnx.data']);
    const header = fromBinary(ModelProtoSchema, new Uint8Array(await readFile(target)));
    for (const { name, dataLocation, externalData, rawData } of header.graph!.initializer) {
      const offset = externalData.find(({ key }) => key === 'offset')?.value;
      expect([name, dataLocation === Location.EXTERNAL, rawData.length]).toEqual(
        name === 'a.bias' ? [name, false, 160] : [name, true, 0],
      );
      if (offset !== undefined) expect(Number(offset) % 4096).toBe(0);
    }
    const input = { x: { shape: [3, 30], data: randomValues(90, 1) } };
    const inline = onnxModel(b.build());
    expectClose((await run(again.model, input)).y, (await run(inline, input)).y);
    // The runtime finds the data by itself, too.
    const session = await startSession(native, target);
    expectClose((await session.run(input)).y, (await run(inline, input)).y);
    await session.release();
  });

  test('writing over the files that were read keeps both whole', async () => {
    const b = new ModelBuilder();
    b.node('Gemm', [b.input('x', [undefined, 30]), b.weight('fc.weight', [30, 40])], {}, ['y']);
    const path = join(folder, 'a.onnx');
    await writeWithExternalData(fromBinary(ModelProtoSchema, b.output('y').build()), path);
    const { model } = await onnxFormat.read(path);
    await model.write(path);
    expect((await onnxFormat.read(path)).model.weights('fc')).toEqual(model.weights('fc'));
    expect((await readdir(folder)).sort()).toEqual(['a.onnx', 'a.onnx.data']);
  });

  test.each<[Record<string, string>, string]>([
    [{ location: '../outside.data' }, 'UNSUPPORTED'],
    [{ location: '/etc/hostname' }, 'UNSUPPORTED'],
    [{ location: 'link.data' }, 'UNSUPPORTED'],
    [{ location: 'etc.data' }, 'UNSUPPORTED'],
    [{ location: 'next/outside.data' }, 'UNSUPPORTED'],
    [{ location: 'https://example.org/a.data' }, 'UNSUPPORTED'],
    [{}, 'UNSUPPORTED'],
    [{ location: 'none.data' }, 'NOT_FOUND'],
    [{ location: 'a.data', offset: '8', length: '24' }, 'BAD_FILE'],
    [{ location: 'a.data', offset: '-4', length: '24' }, 'BAD_FILE'],
    [{ location: 'a.data', offset: 'x' }, 'BAD_FILE'],
    [{ location: 'folder.data' }, 'BAD_FILE'],
  ])('%j is refused', async (entries, code) => {
    const path = await writeExternal(entries);
    await symlink(join(folder, 'outside.data'), join(folder, 'model', 'link.data'));
    await symlink('/etc/passwd', join(folder, 'model', 'etc.data'));
    await symlink('..', join(folder, 'model', 'next'));
    await mkdir(join(folder, 'model', 'folder.data'));
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

  test('a failure of the model leaves neither it nor its data behind', async () => {
    const b = new ModelBuilder();
    b.node('Gemm', [b.input('x', [undefined, 30]), b.weight('fc.weight', [30, 40])], {}, ['y']);
    const proto = fromBinary(ModelProtoSchema, b.output('y').build());
    await mkdir(join(folder, 'a.onnx.data'));
    await expect(writeWithExternalData(proto, join(folder, 'a.onnx'))).rejects.toThrow(
      /a\.onnx\.data: it is a folder/,
    );
    expect(await readdir(folder)).toEqual(['a.onnx.data']);
    await expect(writeWithExternalData(proto, join(folder, 'none', 'a.onnx'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a failure leaves the target and its folder as they were', async () => {
    await mkdir(join(folder, 'a.onnx'));
    await expect(onnxModel(build().build()).write(join(folder, 'a.onnx'))).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['a.onnx']);
  });
});
