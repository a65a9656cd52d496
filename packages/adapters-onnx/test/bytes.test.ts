/** The main entry: bytes in, bytes out, with a runtime that is given or none. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { compressModel, type Model, portableEngine, SequentialModel } from '@spherize/core';
import { ModelProtoSchema } from 'onnx-buf';
import * as wasm from 'onnxruntime-web/wasm';
import { afterAll, describe, expect, test } from 'vitest';
import { writeWithExternalData } from '../src/file/write-model.js';
import { onnxBytes, onnxEngine, onnxModel } from '../src/index.js';
import * as node from '../src/node.js';
import { expectClose, run } from './running.js';
import { RUNTIMES } from './runtimes.js';
import { smallModel } from './small-models.js';

const folder = await mkdtemp(join(tmpdir(), 'spherize-bytes-'));
afterAll(() => rm(folder, { recursive: true }));

const IMAGE = { shape: [2, 1, 6, 6], data: Float32Array.from({ length: 72 }, (_, i) => Math.sin(i)) };

/** The recipe of these tests, which takes no product of a runtime: what it makes depends on the model alone. */
async function compressed(model: Model, prove: boolean): Promise<Model> {
  return (await compressModel(model, { ratio: 0.5, seed: 1, engine: portableEngine, prove })).model;
}

describe('bytes', () => {
  test('a model that is not rewritten is the very bytes that it came as', () => {
    const bytes = smallModel();
    expect(onnxBytes(onnxModel(bytes))).toBe(bytes);
  });

  test('the same recipe gives the same bytes without a runtime, in wasm and through files', async () => {
    const bytes = smallModel();
    const source = join(folder, 'small.onnx');
    const target = join(folder, 'smaller.onnx');
    await writeFile(source, bytes);
    const fromFile = await compressed((await node.onnxFormat.read(source)).model, true);
    await fromFile.write(target);
    const written = new Uint8Array(await readFile(target));
    expect(written.length).toBeLessThan(bytes.length);
    expect(new Uint8Array(onnxBytes(fromFile))).toEqual(written);
    expect(new Uint8Array(onnxBytes(await compressed(onnxModel(bytes), false)))).toEqual(written);
    const inWasm = await compressed(onnxModel(bytes, { runtime: wasm }), true);
    expect(new Uint8Array(onnxBytes(inWasm))).toEqual(written);
    expectClose((await run(inWasm, { image: IMAGE })).scores, (await run(fromFile, { image: IMAGE })).scores);
  });

  test('a model of another format has none', () => {
    const other = new SequentialModel([], 1, async () => 0);
    expect(() => onnxBytes(other)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  test('both runtimes count the same multiplications', async () => {
    const counted = RUNTIMES.map(({ onnxModel: open }) => open(smallModel()).multiplyAccumulates!());
    // Filters once per place, then the three layers.
    expect(await Promise.all(counted)).toEqual(Array(2).fill(4 * 36 * 9 + 24 * 144 + 16 * 24 + 6 * 16));
  });
});

describe('without a runtime', () => {
  const model = onnxModel(smallModel());

  test('a model is not run, and says what runs it', async () => {
    await expect(model.session()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('onnxModel(bytes, { runtime })'),
    });
    expect(await model.multiplyAccumulates!()).toBeUndefined();
    expect(await model.engine!()).toBe(portableEngine);
  });

  test('nor written to a file', async () => {
    await expect(model.write(join(folder, 'none.onnx'))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/cannot write .*none\.onnx: .*onnxBytes\(model\)/),
    });
  });
});

test('an engine runs on whatever runtime it is given', async () => {
  const engine = onnxEngine(wasm);
  const { data } = await engine.multiply(
    { rows: 1, cols: 2, data: Float32Array.of(2, 3) },
    { rows: 2, cols: 1, data: Float32Array.of(5, 7) },
  );
  expect([...data]).toEqual([31]);
  await engine.release();
});

describe('external data', async () => {
  const whole = onnxModel(smallModel());
  await writeWithExternalData(fromBinary(ModelProtoSchema, smallModel()), join(folder, 'apart.onnx'));
  const bytes = new Uint8Array(await readFile(join(folder, 'apart.onnx')));
  const values = new Uint8Array(await readFile(join(folder, 'apart.onnx.data')));

  test('is given by the name that the model has for it, and comes back within the bytes', async () => {
    const model = onnxModel(bytes, { external: { 'apart.onnx.data': values } });
    expect(model.weights('fc1')).toEqual(whole.weights('fc1'));
    const again = onnxModel(onnxBytes(model));
    expect(again.weights('fc1')).toEqual(whole.weights('fc1'));
    const { scores } = await run(node.onnxModel(smallModel()), { image: IMAGE });
    for (const { onnxModel: open } of RUNTIMES) {
      const opened = open(bytes, { external: { 'apart.onnx.data': values } });
      expectClose((await run(opened, { image: IMAGE })).scores, scores);
    }
  });

  test('leaves as external data where files are written', async () => {
    const target = join(folder, 'again.onnx');
    await node.onnxModel(bytes, { external: { 'apart.onnx.data': values } }).write(target);
    expect(new Uint8Array(await readFile(`${target}.data`))).toEqual(values);
  });

  test.each([
    ['is not given', {}, 'NOT_FOUND', /fc1\.weight lie in apart\.onnx\.data, which is not given/],
    [
      'is short',
      { 'apart.onnx.data': values.subarray(0, 99) },
      'BAD_FILE',
      /ends at byte \d+, but .* 99 bytes/,
    ],
  ])('that %s is named', (_, external, code, message) => {
    expect(() => onnxModel(bytes, { external })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
