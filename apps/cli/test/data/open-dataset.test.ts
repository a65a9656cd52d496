import { describe, expect, it } from 'vitest';
import { DATASET_SPECS, openDataset } from '../../src/data/open-dataset.js';
import { expectInputError, idxBytes, samplesOf, temporaryFolder, write } from './data-files.js';

const folder = temporaryFolder();
const pixels = Uint8Array.from({ length: 4 * 12 }, (_, i) => (i * 37) % 256);
const labels = write(folder, 'labels', idxBytes([4], [0, 1, 2, 3]));
const flat = `idx:${write(folder, 'flat', idxBytes([4, 12], pixels))},${labels}`;
const grey = `idx:${write(folder, 'grey', idxBytes([4, 3, 4], pixels))},${labels}`;
const colour = `idx:${write(folder, 'colour', idxBytes([4, 3, 2, 2], pixels))},${labels}`;

describe('the specification', () => {
  it.each(['imagenet', 'csv:a,b', '', 'fashion-mnist:x', ':x'])(
    'refuses %j and lists what is accepted',
    async (spec) => {
      await expectInputError(openDataset(spec), 'UNKNOWN_NAME', `'${spec}'`, ...DATASET_SPECS);
    },
  );

  it.each(['idx:only', 'idx:a,b,c', 'npy:,y.npy', 'npy:'])(
    'refuses %j, which does not name two files',
    async (spec) => {
      await expectInputError(openDataset(spec), 'BAD_ARGUMENT', `'${spec}'`, 'two files');
    },
  );
});

describe('the shape', () => {
  it.each([
    { spec: grey, wanted: undefined, shape: [1, 3, 4] },
    { spec: grey, wanted: [1, 3, 4], shape: [1, 3, 4] },
    { spec: grey, wanted: [undefined, undefined, 4], shape: [1, 3, 4] },
    { spec: grey, wanted: [12], shape: [12] },
    { spec: grey, wanted: [undefined], shape: [12] },
    { spec: grey, wanted: [3, 4, 1], shape: [3, 4, 1] },
    { spec: grey, wanted: [3, 4], shape: [3, 4] },
    { spec: colour, wanted: [3, 2, 2], shape: [3, 2, 2] },
    { spec: colour, wanted: [12], shape: [12] },
    { spec: flat, wanted: [12], shape: [12] },
  ])('is $shape for a model that takes $wanted', async ({ spec, wanted, shape }) => {
    const data = await openDataset(spec, wanted ? { sampleShape: wanted } : {});
    expect((await samplesOf(data, 0, 1)).shape).toEqual([1, ...shape]);
  });

  it.each([
    { spec: grey, wanted: [3, 224, 224], own: '[1, 3, 4]', takes: '[3, 224, 224]' },
    { spec: grey, wanted: [1, 4, 3], own: '[1, 3, 4]', takes: '[1, 4, 3]' },
    { spec: grey, wanted: [13], own: '[1, 3, 4]', takes: '[13]' },
    { spec: colour, wanted: [2, 2, 3], own: '[3, 2, 2]', takes: '[2, 2, 3]' },
    { spec: flat, wanted: [3, 2, 2], own: '[12]', takes: '[3, 2, 2]' },
    { spec: flat, wanted: [undefined, 4], own: '[12]', takes: '[any, 4]' },
  ])('$own does not fit a model that takes $takes', async ({ spec, wanted, own, takes }) => {
    await expectInputError(openDataset(spec, { sampleShape: wanted }), 'BAD_ARGUMENT', own, takes);
  });
});

describe('the options', () => {
  it('take the first samples up to the limit', async () => {
    expect((await openDataset(grey, { limit: 3 })).samples).toBe(3);
    expect((await openDataset(grey, { limit: 100 })).samples).toBe(4);
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      await expectInputError(openDataset(grey, { limit }), 'BAD_ARGUMENT', 'limit', `got ${limit}`);
    }
  });

  it('normalise per channel, in float32', async () => {
    const mean = [0.485, 0.456, 0.406];
    const std = [0.229, 0.224, 0.225];
    const { inputs } = await samplesOf(await openDataset(colour, { mean, std }), 1, 1);
    const expected = [...pixels.subarray(12, 24)].map((value, i) => {
      const channel = Math.floor(i / 4);
      const shifted = Math.fround(Math.fround(value / 255) - Math.fround(mean[channel]!));
      return Math.fround(shifted / Math.fround(std[channel]!));
    });
    expect([...inputs]).toEqual(expected);
  });

  it('refuse a mean or std of the wrong count or value', async () => {
    await expectInputError(
      openDataset(colour, { mean: [0, 0] }),
      'BAD_ARGUMENT',
      'mean',
      '1 or 3 numbers',
      'got 2',
    );
    await expectInputError(openDataset(grey, { std: [1, 1, 1] }), 'BAD_ARGUMENT', 'std', '1 number', 'got 3');
    await expectInputError(openDataset(grey, { std: [] }), 'BAD_ARGUMENT', 'std', 'got 0');
    await expectInputError(openDataset(grey, { std: [0] }), 'BAD_ARGUMENT', 'std', 'got 0');
    await expectInputError(openDataset(grey, { mean: [Number.NaN] }), 'BAD_ARGUMENT', 'mean', 'got NaN');
  });

  it('keep a batch inside the data set', async () => {
    const data = await openDataset(grey, { limit: 3 });
    expect((await samplesOf(data, 3, 0)).labels).toHaveLength(0);
    for (const [start, count] of [
      [0, 4],
      [3, 1],
      [-1, 1],
      [0.5, 1],
    ] as const) {
      await expect(samplesOf(data, start, count)).rejects.toThrow(RangeError);
    }
  });
});

describe('fashion-mnist', () => {
  it('holds the 10,000 test images', async () => {
    const data = await openDataset('fashion-mnist', { sampleShape: [1, 28, 28] });
    expect(data).toMatchObject({ name: 'fashion-mnist', samples: 10000 });
    const { inputs, shape, labels: classes } = await samplesOf(data, 0, 10000);
    expect(shape).toEqual([10000, 1, 28, 28]);
    expect([...classes.subarray(0, 5)]).toEqual([9, 2, 1, 1, 6]);
    const counts = new Map<number, number>();
    for (const label of classes) counts.set(label, (counts.get(label) ?? 0) + 1);
    expect([...counts.values()]).toEqual(Array(10).fill(1000));
    expect(inputs.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(Math.max(...inputs.subarray(0, 784))).toBe(1);
  });
});
