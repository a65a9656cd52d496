/** A model with external data that is replaced by another, cut off after every step: it is the old one or the new one. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeWithExternalData } from '../src/file/write-model.js';
import { onnxFormat } from '../src/node.js';
import { ModelBuilder } from './build-model.js';

/** Steps that are still done; none more once they are used up, as in a process that is no more. */
const steps = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY, stop: () => {} }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const step =
    <Arguments extends unknown[], Result>(work: (...args: Arguments) => Promise<Result>) =>
    (...args: Arguments): Promise<Result> => {
      if (steps.left-- > 0) return work(...args);
      steps.stop();
      return new Promise(() => {});
    };
  return { ...real, rename: step(real.rename), link: step(real.link), rm: step(real.rm) };
});

/** x → fc → y, whose weights are this number. */
function modelOf(value: number): ModelProto {
  const b = new ModelBuilder();
  b.node(
    'MatMul',
    [b.input('x', [undefined, 20]), b.weight('fc', [20, 30], new Float32Array(600).fill(value))],
    {},
    ['y'],
  );
  return fromBinary(ModelProtoSchema, b.output('y', [undefined, 30]).build());
}

let folder: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spherize-test-'));
  target = join(folder, 'm.onnx');
});
afterEach(async () => {
  steps.left = Number.POSITIVE_INFINITY;
  await rm(folder, { recursive: true });
});

/** Whether the model took its place before it was cut off. */
async function writeCutOff(value: number, after: number): Promise<boolean> {
  const stopped = new Promise<boolean>((resolve) => {
    steps.stop = () => resolve(false);
  });
  steps.left = after;
  const whole = await Promise.race([stopped, writeWithExternalData(modelOf(value), target).then(() => true)]);
  steps.left = Number.POSITIVE_INFINITY;
  return whole;
}

async function valueNow(): Promise<number> {
  const { model } = await onnxFormat.read(target);
  const { data } = model.weights('fc');
  expect(new Set(data).size).toBe(1);
  return data[0]!;
}

/** Everything but what carries the name of its process. */
const names = async () => (await readdir(folder)).filter((name) => !name.endsWith('.spherize')).sort();

const FRESH = ['m.onnx', 'm.onnx.data'];

describe('cut off after so many steps', () => {
  test.each([0, 1, 2, 3, 4, 5])('%d', async (after) => {
    await writeWithExternalData(modelOf(1), target);
    expect(await writeCutOff(2, after)).toBe(after === 5);
    expect(await valueNow()).toBe(after < 2 ? 1 : 2);
    // And once more, on what that left.
    expect(await writeCutOff(3, after)).toBe(after === 5);
    expect([1, 2, 3]).toContain(await valueNow());
    await writeWithExternalData(modelOf(4), target);
    expect(await valueNow()).toBe(4);
    expect(await names()).toEqual(FRESH);
  });
});

test('a replaced model has the names and bytes of a fresh one', async () => {
  const { readFile } = await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises');
  const bytes = await writeWithExternalData(modelOf(2), target);
  const fresh = await Promise.all(FRESH.map((name) => readFile(join(folder, name))));
  await writeWithExternalData(modelOf(1), target);
  expect(await writeWithExternalData(modelOf(2), target)).toBe(bytes);
  expect(await Promise.all(FRESH.map((name) => readFile(join(folder, name))))).toEqual(fresh);
  expect(await readdir(folder)).toEqual(FRESH);
});

test('data of other models stay, whatever they are called', async () => {
  await writeWithExternalData(modelOf(1), target);
  const others = ['m.onnx.1.data', 'm.onnx.data.1', 'other.onnx.data'];
  for (const name of others) await writeFile(join(folder, name), 'theirs');
  await writeWithExternalData(modelOf(2), target);
  expect((await readdir(folder)).sort()).toEqual([...FRESH, ...others].sort());
});
