import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Model, Tensor, TensorInfo } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.js';
import {
  namesRecordedArrays,
  openLabelledInputs,
  openRecordedArrays,
  type RecordedArrays,
} from '../../src/data/recorded-arrays.js';
import { expectInputError, npyBytes, npzBytes, temporaryFolder, write } from './data-files.js';

const folder = temporaryFolder();
const ids = BigInt64Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], BigInt);
const mask = Uint8Array.of(1, 1, 1, 0, 1, 1, 1, 1, 1, 1);
const words: TensorInfo = { name: 'input_ids', shape: [undefined, undefined], type: 'int64', entries: 11 };
const seen: TensorInfo = { name: 'attention_mask', shape: [undefined, undefined], type: 'bool' };
const modelOf = (...inputs: TensorInfo[]): Model => ({ inputs }) as unknown as Model;

function writeNpz(name: string, arrays: Record<string, Uint8Array>, level: 0 | 6 = 6): string {
  return `npz:${write(folder, name, npzBytes(arrays, level))}`;
}
const both = {
  attention_mask: npyBytes('|b1', [5, 2], mask),
  input_ids: npyBytes('<i8', [5, 2], ids),
  texts: npyBytes('|O', [5], mask),
};

async function feedsOf(
  recorded: RecordedArrays,
  positions: readonly number[],
): Promise<Record<string, Tensor>[]> {
  const feeds: Record<string, Tensor>[] = [];
  for await (const batch of recorded.part(positions).batches()) feeds.push(batch);
  return feeds;
}

describe('recorded arrays', () => {
  test.each([0, 6] as const)('of an npz, deflated at %s, go to the inputs of their names', async (level) => {
    const spec = writeNpz('both.npz', both, level);
    expect(await namesRecordedArrays(spec)).toBe(true);
    const recorded = await openRecordedArrays(spec, modelOf(words, seen), 2);
    expect([recorded.samples, recorded.shapes.map(({ shape }) => shape)]).toEqual([
      5,
      [
        [undefined, 2],
        [undefined, 2],
      ],
    ]);
    expect(await feedsOf(recorded, [1, 3, 4])).toEqual([
      {
        input_ids: { shape: [2, 2], data: Float64Array.of(3, 4, 7, 8) },
        attention_mask: { shape: [2, 2], data: Float32Array.of(1, 0, 1, 1) },
      },
      {
        input_ids: { shape: [1, 2], data: Float64Array.of(9, 10) },
        attention_mask: { shape: [1, 2], data: Float32Array.of(1, 1) },
      },
    ]);
  });

  test('of a folder of .npy files are the same', async () => {
    mkdirSync(join(folder, 'arrays'));
    for (const [name, bytes] of Object.entries(both)) write(folder, `arrays/${name}.npy`, bytes);
    const spec = `folder:${join(folder, 'arrays')}`;
    expect(await namesRecordedArrays(spec)).toBe(true);
    const recorded = await openRecordedArrays(spec, modelOf(words, seen), 5);
    const npz = await openRecordedArrays(writeNpz('both.npz', both), modelOf(words, seen), 5);
    expect(await feedsOf(recorded, [0, 4])).toEqual(await feedsOf(npz, [0, 4]));
    expect(recorded.digest).toBe(npz.digest);
    mkdirSync(join(folder, 'images'));
    expect(await namesRecordedArrays(`folder:${join(folder, 'images')}`)).toBe(false);
  });

  test('without names are taken in the order of the inputs, and one alone for the only input', async () => {
    const arrays = Object.fromEntries(
      Array.from({ length: 11 }, (_, i) => [
        `arr_${10 - i}`,
        npyBytes('<f4', [2, 1], Float32Array.of(10 - i, 0)),
      ]),
    );
    const inputs = Array.from(
      { length: 11 },
      (_, i): TensorInfo => ({ name: `x${i}`, shape: [undefined, 1] }),
    );
    const recorded = await openRecordedArrays(writeNpz('unnamed.npz', arrays), modelOf(...inputs), 2);
    expect(
      (await feedsOf(recorded, [0])).map((feeds) => inputs.map(({ name }) => feeds[name]!.data[0])),
    ).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]);
    const alone = writeNpz('alone.npz', { data: npyBytes('<f4', [2, 1], Float32Array.of(7, 8)) });
    expect(
      (await feedsOf(await openRecordedArrays(alone, modelOf(inputs[0]!), 2), [1]))[0]!.x0!.data,
    ).toEqual(Float32Array.of(8));
  });

  test('whose first axis changes fastest are put in order', async () => {
    const stored = writeNpz('fortran.npz', {
      x: npyBytes(
        '<f4',
        [2, 3, 2],
        Float32Array.from({ length: 12 }, (_, i) => i),
        true,
      ),
    });
    const recorded = await openRecordedArrays(stored, modelOf({ name: 'x', shape: [undefined, 3, 2] }), 2);
    expect((await feedsOf(recorded, [0, 1]))[0]!.x!.data).toEqual(
      Float32Array.of(0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11),
    );
  });

  test('give samples along any axis, and what serves all of them to each batch', async () => {
    const inputs: TensorInfo[] = [
      { name: 'x', shape: [undefined, 2], axes: ['batch', undefined] },
      { name: 'state', shape: [2, undefined, 1], axes: [undefined, 'batch', undefined] },
      { name: 'rate', shape: [], type: 'int64' },
    ];
    const spec = writeNpz('state.npz', {
      x: npyBytes('<f4', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6)),
      state: npyBytes('<f4', [2, 3, 1], Float32Array.of(10, 20, 30, 40, 50, 60)),
      rate: npyBytes('<i8', [], BigInt64Array.of(16000n)),
    });
    expect(await feedsOf(await openRecordedArrays(spec, modelOf(...inputs), 9), [0, 2])).toEqual([
      {
        x: { shape: [2, 2], data: Float32Array.of(1, 2, 5, 6) },
        state: { shape: [2, 2, 1], data: Float32Array.of(10, 30, 40, 60) },
        rate: { shape: [], data: Float64Array.of(16000) },
      },
    ]);
  });

  test('fill batches of fixed size, or are too few', async () => {
    const spec = writeNpz('fixed.npz', { x: npyBytes('<f4', [5, 1], Float32Array.of(1, 2, 3, 4, 5)) });
    const recorded = await openRecordedArrays(spec, modelOf({ name: 'x', shape: [2, 1] }), 100);
    expect((await feedsOf(recorded, [0, 1, 2])).map(({ x }) => x!.shape)).toEqual([[2, 1]]);
    expect(() => recorded.part([0])).toThrow('takes 2 samples at a time, but there are only 1');
  });

  test('that do not fit are refused with both sides', async () => {
    const spec = writeNpz('both.npz', both);
    const open = (...inputs: TensorInfo[]) => openRecordedArrays(spec, modelOf(...inputs), 2);
    await expectInputError(
      open(words, { ...seen, name: 'segments' }),
      'BAD_ARGUMENT',
      "'segments'",
      'input_ids',
    );
    await expectInputError(open({ ...words, shape: [undefined, 3] }, seen), 'BAD_FILE', '[5, 2]', '[any, 3]');
    await expectInputError(open({ ...words, type: 'uint8' }, { ...words, name: 'texts' }), 'BAD_FILE', '|O');
    const few = writeNpz('few.npz', { ...both, attention_mask: npyBytes('|b1', [4, 2], mask.slice(0, 8)) });
    await expectInputError(openRecordedArrays(few, modelOf(words, seen), 2), 'BAD_FILE', '4 samples', '5');
    const torn = `npz:${write(folder, 'torn.npz', Buffer.from('PK'))}`;
    await expectInputError(openRecordedArrays(torn, modelOf(words), 2), 'BAD_FILE', 'torn.npz', '.npz');
    await expectInputError(openRecordedArrays('npz:', modelOf(words), 2), 'BAD_ARGUMENT', 'lacks its path');
    const none = writeNpz('none.npz', {});
    await expectInputError(openRecordedArrays(none, modelOf(words), 2), 'BAD_FILE', 'holds no arrays');
  });
});

test('an npz of samples and labels is labelled data', async () => {
  const x = npyBytes('<f4', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
  const spec = writeNpz('labelled.npz', { inputs: x, labels: npyBytes('<i4', [3], Int32Array.of(1, 0, 2)) });
  const data = await openDataset(spec, { sampleShape: [2] });
  expect(await data.batch([2, 1])).toEqual({
    inputs: { input: { shape: [2, 2], data: Float32Array.of(5, 6, 3, 4) } },
    labels: Int32Array.of(2, 0),
  });
  await expectInputError(openDataset(writeNpz('more.npz', both), {}), 'BAD_ARGUMENT', 'labels=Y');
});

describe('recorded arrays with labels', () => {
  const y: TensorInfo = { name: 'y', shape: [undefined, 1] };
  const x: TensorInfo = { name: 'x', shape: [undefined, 2] };
  const arrays = {
    x: npyBytes('<f4', [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6)),
    y: npyBytes('<f4', [3, 1], Float32Array.of(7, 8, 9)),
    labels: npyBytes('<i8', [3, 1], BigInt64Array.of(0n, 1n, 4n)),
  };
  const spec = writeNpz('labelled-inputs.npz', arrays);

  test('give every input its tensor, and each sample its class', async () => {
    const data = await openLabelledInputs(spec, modelOf(x, y), { limit: 2 });
    expect(data).toMatchObject({ name: spec, samples: 2, classes: { count: 5, from: 'labels' } });
    expect(await data.batch([1, 0])).toEqual({
      inputs: {
        x: { shape: [2, 2], data: Float32Array.of(3, 4, 1, 2) },
        y: { shape: [2, 1], data: Float32Array.of(8, 7) },
      },
      labels: Int32Array.of(1, 0),
    });
    await expect(data.batch([2])).rejects.toThrow(RangeError);
    const all = await openLabelledInputs(spec, modelOf(x, y), {});
    expect(await all.digest()).not.toBe(await data.digest());
  });

  test('are the same in a folder, and shift with their offset', async () => {
    mkdirSync(join(folder, 'labelled'));
    for (const [name, bytes] of Object.entries(arrays)) write(folder, `labelled/${name}.npy`, bytes);
    const own = await openLabelledInputs(`folder:${join(folder, 'labelled')}`, modelOf(x, y), {});
    const npz = await openLabelledInputs(spec, modelOf(x, y), {});
    expect(await own.batch([0, 2])).toEqual(await npz.batch([0, 2]));
    expect(await own.digest()).toBe(await npz.digest());
    const shifted = await openLabelledInputs(spec, modelOf(x, y), { labelOffset: 1 });
    expect((await shifted.batch([0, 1, 2])).labels).toEqual(Int32Array.of(1, 2, 5));
  });

  test('stand beside arrays without names', async () => {
    const { x: first, y: second, labels } = arrays;
    const unnamed = writeNpz('unnamed-labelled.npz', { arr_0: first, arr_1: second, labels });
    const data = await openLabelledInputs(unnamed, modelOf(x, y), {});
    expect((await data.batch([2])).inputs.y!.data).toEqual(Float32Array.of(9));
  });

  test('refuse labels that are missing, do not fit or are no classes', async () => {
    const open = (change: Record<string, Uint8Array | undefined>, options = {}) => {
      const own = Object.entries({ ...arrays, ...change }).filter(([, bytes]) => bytes !== undefined);
      const changed = writeNpz('changed.npz', Object.fromEntries(own) as Record<string, Uint8Array>);
      return openLabelledInputs(changed, modelOf(x, y), options);
    };
    await expectInputError(open({ labels: undefined }), 'BAD_ARGUMENT', 'has no labels', 'x, y', 'labels');
    const two = npyBytes('<i4', [2], Int32Array.of(0, 1));
    await expectInputError(open({ labels: two }), 'BAD_FILE', '2 labels', '3 samples');
    const soft = npyBytes('<f4', [3, 2], new Float32Array(6));
    await expectInputError(open({ labels: soft }), 'BAD_FILE', '[samples]', '[3, 2]');
    const half = npyBytes('<f4', [3], Float32Array.of(0, 0.5, 1));
    await expectInputError(open({ labels: half }), 'BAD_FILE', 'label 1', 'got 0.5');
    await expectInputError(open({}, { mean: [0] }), 'BAD_ARGUMENT', '--mean');
    const classNames = { path: 'names.txt', names: ['a'] };
    await expectInputError(open({}, { classNames }), 'BAD_ARGUMENT', '--classes', '--label-offset');
  });
});
