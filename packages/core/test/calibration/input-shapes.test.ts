import { describe, expect, test } from 'vitest';
import {
  InputError,
  type Model,
  settledInputs,
  sizedInputs,
  type Tensor,
  type TensorInfo,
} from '../../src/index.js';
import { fixedBatch } from '../../src/proof/index.js';

const shapesOf = (inputs: readonly TensorInfo[], batch = 3, length?: number): (readonly number[])[] =>
  sizedInputs(inputs, batch, length).map(({ shape }) => shape);

describe('free axes', () => {
  test.each<[string, TensorInfo, number[]]>([
    ['words', { name: 'ids', shape: [undefined, undefined], type: 'int64' }, [3, 64]],
    ['an image', { name: 'x', shape: [undefined, 3, undefined, undefined] }, [3, 3, 128, 128]],
    ['an image, channels last', { name: 'x', shape: [1, undefined, undefined, 3] }, [1, 128, 128, 3]],
    ['a signal', { name: 'x', shape: [undefined, undefined] }, [3, 16000]],
    ['a series', { name: 'x', shape: [undefined, undefined, 40] }, [3, 64, 40]],
    ['a number', { name: 'x', shape: [], type: 'int64' }, []],
  ])('of %s', (_, input, shape) => {
    expect(shapesOf([input])).toEqual([shape]);
  });

  test('of one name have one length, and sums of names that of the sum', () => {
    const decoder: TensorInfo[] = [
      {
        name: 'input_ids',
        shape: [undefined, undefined],
        type: 'int64',
        axes: ['batch_size', 'sequence_length'],
      },
      {
        name: 'attention_mask',
        shape: [undefined, undefined],
        type: 'int64',
        axes: ['batch_size', 'past_sequence_length + sequence_length'],
      },
      {
        name: 'past_key_values.0.key',
        shape: [undefined, 2, undefined, 8],
        axes: ['batch_size', undefined, 'past_sequence_length', undefined],
      },
    ];
    expect(shapesOf(decoder)).toEqual([
      [3, 64],
      [3, 64],
      [3, 2, 0, 8],
    ]);
    expect(shapesOf(decoder, 3, 1)).toEqual([
      [3, 1],
      [3, 2],
      [3, 2, 1, 8],
    ]);
    const given = decoder.map((input, i) => (i === 0 ? { ...input, shape: [undefined, 10] } : input));
    expect(shapesOf(given)[1]).toEqual([3, 10]);
  });

  test('a batch is where its name says, and may be fixed', () => {
    const state = { name: 'state', shape: [2, undefined, 128], axes: [undefined, 'batch', undefined] };
    const x = { name: 'x', shape: [undefined, 512], axes: ['batch', undefined] };
    expect(shapesOf([state, x])).toEqual([
      [2, 3, 128],
      [3, 512],
    ]);
    expect(fixedBatch([state, x])).toBeUndefined();
    expect(fixedBatch([{ name: 'x', shape: [4, 512] }])).toBe(4);
    const positions = { name: 'positions', shape: [undefined], type: 'int64', axes: ['length'] } as const;
    const ids = {
      name: 'ids',
      shape: [undefined, undefined],
      type: 'int64',
      axes: ['batch', 'length'],
    } as const;
    expect(shapesOf([positions, ids])).toEqual([[64], [3, 64]]);
  });
});

/** A model that runs on some shapes only. */
function picky(inputs: TensorInfo[], runs: (feeds: Record<string, Tensor>) => boolean): Model {
  return {
    inputs,
    async session() {
      return {
        async run(feeds: Record<string, Tensor>) {
          if (!runs(feeds)) throw new Error('Invalid shape\nat node 7');
          return {};
        },
        async release() {},
      };
    },
  } as unknown as Model;
}

describe('settled inputs', () => {
  const ids: TensorInfo = { name: 'ids', shape: [undefined, undefined], type: 'int64', entries: 50 };

  test('have lengths with which the model runs, and a free batch', async () => {
    const model = picky([ids], ({ ids }) => ids!.shape[1]! <= 16 && ids!.shape[0] === 2);
    expect(await settledInputs(model)).toEqual([{ ...ids, shape: [undefined, 16] }]);
  });

  test('of one input without free axes are taken as they are', async () => {
    const x: TensorInfo = { name: 'x', shape: [undefined, 4] };
    expect(await settledInputs(picky([x], () => false))).toEqual([x]);
  });

  test('that no model runs on are refused with its reason', async () => {
    await expect(settledInputs(picky([ids], () => false))).rejects.toThrow(
      new InputError(
        'UNSUPPORTED',
        'calibration: the model does not run on generated inputs (Invalid shape): give data, or the lengths of its free axes',
      ),
    );
  });
});
