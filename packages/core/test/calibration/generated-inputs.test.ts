import { describe, expect, test } from 'vitest';
import {
  defaultSamples,
  generatedInputs,
  InputError,
  type Tensor,
  type TensorInfo,
} from '../../src/index.js';

async function all(shape: (number | undefined)[], options = {}): Promise<Tensor[]> {
  const inputs = generatedInputs([{ name: 'x', shape }], { samples: 10, batch: 4, ...options });
  const tensors: Tensor[] = [];
  for await (const batch of inputs.batches()) tensors.push(batch.x!);
  return tensors;
}
const joined = (tensors: Tensor[]): number[] => tensors.flatMap(({ data }) => [...data]);

describe('generated images', () => {
  test('lie in [0, 1], vary, and are smooth', async () => {
    const tensors = await all([undefined, 3, 20, 24]);
    expect(tensors.map(({ shape }) => shape)).toEqual([
      [4, 3, 20, 24],
      [4, 3, 20, 24],
      [2, 3, 20, 24],
    ]);
    const values = joined(tensors);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    let near = 0;
    let far = 0;
    for (let p = 0; p + 20 * 24 < values.length; p++) {
      if (p % 24 < 23) near += Math.abs(values[p]! - values[p + 1]!);
      far += Math.abs(values[p]! - values[(p * 7919) % values.length]!);
    }
    expect(near).toBeLessThan(0.5 * far);
  });

  test('depend on seed and number alone, not on the batches', async () => {
    const values = joined(await all([undefined, 1, 9, 9]));
    expect(joined(await all([undefined, 1, 9, 9], { batch: 3 }))).toEqual(values);
    expect(joined(await all([undefined, 1, 9, 9], { seed: 1 }))).not.toEqual(values);
  });

  test('hold channels last where the model does, and are normalised by channel', async () => {
    const plain = (await all([1, 6, 5, 3], { samples: 1 }))[0]!.data;
    const normalised = (await all([1, 6, 5, 3], { samples: 1, mean: [0.5, 0.25, 0], std: [1, 2, 4] }))[0]!
      .data;
    plain.forEach((value, at) => {
      const c = at % 3;
      expect(normalised[at]).toBeCloseTo((value - [0.5, 0.25, 0][c]!) / [1, 2, 4][c]!, 5);
    });
  });

  test('fill a batch of fixed size', async () => {
    expect((await all([8, 1, 4, 4])).map(({ shape }) => shape[0])).toEqual([8, 8]);
  });
});

test('vectors are standard normal numbers', async () => {
  const values = joined(await all([undefined, 500]));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.05);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
});

test('images of whole numbers hold bytes as they are stored', async () => {
  const images = generatedInputs([{ name: 'x', shape: [undefined, 8, 8, 3], type: 'uint8' }], {
    samples: 20,
  });
  const floats = generatedInputs([{ name: 'x', shape: [undefined, 8, 8, 3] }], { samples: 20 });
  for await (const { x } of images.batches()) {
    for await (const { x: pixels } of floats.batches())
      expect([...x!.data]).toEqual([...pixels!.data].map((value) => Math.round(255 * value)));
    expect(Math.max(...x!.data)).toBeGreaterThan(200);
  }
  expect(() =>
    generatedInputs([{ name: 'x', shape: [1, 8, 8, 3], type: 'uint8' }], { samples: 1, mean: [0.5] }),
  ).toThrow("input 'x' takes uint8, pixels as they are stored");
});

test('what cannot be generated is named', () => {
  expect(() => generatedInputs([{ name: 'ids', shape: [1, 8], type: 'int64' }], { samples: 1 })).toThrow(
    new InputError(
      'UNSUPPORTED',
      "calibration: input 'ids' holds whole numbers, which cannot be generated: give data",
    ),
  );
  expect(() => generatedInputs([{ name: 'x', shape: [1, 8], type: 'string' }], { samples: 1 })).toThrow(
    "calibration: input 'x' holds string, which cannot be generated: give data",
  );
});

test('inputs that no memory holds are refused when they are made', async () => {
  const { batches } = generatedInputs([{ name: 'x', shape: [1, 2 ** 42] }], { samples: 1 });
  await expect(batches()[Symbol.asyncIterator]().next()).rejects.toThrow(
    new InputError(
      'UNSUPPORTED',
      "calibration: one run of input 'x' [1, 4398046511104] is 17592.2 GB, more than can be held: give a model with a smaller input",
    ),
  );
});

test('an input that takes no samples is refused', () => {
  expect(() => generatedInputs([{ name: 'x', shape: [0, 4] }], { samples: 10 })).toThrow(
    "calibration: input 'x' takes no samples: its first axis has length 0",
  );
});

test('fewer where they are large', () => {
  expect(defaultSamples([{ name: 'x', shape: [undefined, 3, 224, 224] }])).toBe(1000);
  expect(defaultSamples([{ name: 'x', shape: [undefined, 3, 1024, 1024] }])).toBe(85);
  expect(defaultSamples([{ name: 'x', shape: [undefined, 3, 2 ** 14, 2 ** 14] }])).toBe(16);
  expect([1e8, 1e9, 1e12].map((macs) => defaultSamples([{ name: 'x', shape: [1, 3] }], macs))).toEqual([
    1000, 250, 16,
  ]);
});

describe('inputs of texts', () => {
  const axes = ['batch', 'sequence'];
  const text: TensorInfo[] = [
    { name: 'input_ids', shape: [undefined, undefined], axes, type: 'int64', entries: 3000 },
    { name: 'attention_mask', shape: [undefined, undefined], axes, type: 'int64' },
    { name: 'token_type_ids', shape: [undefined, undefined], axes, type: 'int64', entries: 2 },
    { name: 'position_ids', shape: [undefined, undefined], axes, type: 'int64', entries: 512 },
    { name: 'use_cache', shape: [1], type: 'bool' },
  ];

  test('hold words of the table, frequent ones often, and what goes with them', async () => {
    const batches: Record<string, Tensor>[] = [];
    for await (const batch of generatedInputs(text, { samples: 50, batch: 20 }).batches())
      batches.push(batch);
    expect(batches.map(({ input_ids }) => input_ids!.shape)).toEqual([
      [20, 64],
      [20, 64],
      [10, 64],
    ]);
    const all = (name: string): number[] => batches.flatMap((batch) => [...batch[name]!.data]);
    const words = all('input_ids');
    expect(words.every((word) => Number.isInteger(word) && word >= 0 && word < 3000)).toBe(true);
    const share = (from: number, to: number): number =>
      words.filter((word) => word >= from && word < to).length / words.length;
    expect(share(0, 100)).toBeGreaterThan(0.15);
    expect(share(1500, 3000)).toBeGreaterThan(0.2);
    expect(new Set(all('attention_mask'))).toEqual(new Set([1]));
    const parts = batches[0]!.token_type_ids!.data.subarray(0, 64).join('');
    expect(parts).toMatch(/^0*1*$/);
    expect([...batches[2]!.position_ids!.data.subarray(64, 128)]).toEqual(
      Array.from({ length: 64 }, (_, i) => i),
    );
    expect(all('use_cache')).toEqual([0, 0, 0]);
  });

  test('of a large vocabulary come a few at a time', async () => {
    const large = [{ ...text[0]!, entries: 100_000 }];
    for await (const { input_ids } of generatedInputs(large, { samples: 40 }).batches())
      expect(input_ids!.shape[0]).toBe(10);
  });

  test('take places in tables as floats too', async () => {
    const floats = [{ name: 'x', shape: [undefined, 10], entries: 7 }];
    for await (const { x } of generatedInputs(floats, { samples: 5 }).batches())
      expect(x!.data.every((word) => Number.isInteger(word) && word >= 0 && word < 7)).toBe(true);
  });
});

test('samples lie along the axis that is named for them, each as it is alone', async () => {
  const inputs: TensorInfo[] = [
    { name: 'x', shape: [undefined, 8], axes: ['N', undefined] },
    { name: 'state', shape: [2, undefined, 3], axes: [undefined, 'N', undefined] },
  ];
  const batchesOf = async (batch: number): Promise<Record<string, Tensor>[]> => {
    const all: Record<string, Tensor>[] = [];
    for await (const feeds of generatedInputs(inputs, { samples: 4, batch }).batches()) all.push(feeds);
    return all;
  };
  const [together] = await batchesOf(4);
  const alone = await batchesOf(1);
  expect(together!.state!.shape).toEqual([2, 4, 3]);
  alone.forEach(({ state }, s) => {
    for (const [layer, first] of [0, 12].entries())
      expect([...together!.state!.data.subarray(first + 3 * s, first + 3 * s + 3)]).toEqual([
        ...state!.data.subarray(3 * layer, 3 * layer + 3),
      ]);
  });
});
