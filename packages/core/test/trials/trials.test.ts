import { expect, test } from 'vitest';
import { evaluateModel } from '../../src/evaluation/index.js';
import { compressModel, spherical } from '../../src/index.js';
import { RecordedData, Trials } from '../../src/trials/index.js';
import { chain, labelledData, outputsOf } from '../labelled-chain.js';

const all = (ratio: number) => new Map(['fc1', 'fc2', 'fc3'].map((name) => [name, ratio]));

test('a trial is what compressModel makes, at any sparsity and with any method', async () => {
  const trials = await Trials.open(chain);
  const pruned = trials.atSparsity(0.5);
  const method = { clusterer: spherical, seed: 3 };
  for (const [own, sparsity] of [
    [trials, 0],
    [pruned, 0.5],
  ] as const) {
    const { model } = await own.whole(await own.cluster(all(0.6), method));
    const expected = await compressModel(chain, { ratio: 0.6, sparsity, ...method });
    expect(await outputsOf(model)).toEqual(await outputsOf(expected.model));
  }
});

test('methods do not share a clustering', async () => {
  const trials = await Trials.open(chain, { seed: 1 });
  const first = await trials.cluster(all(0.5));
  const other = await trials.cluster(all(0.5), { clusterer: spherical });
  expect((await trials.cluster(all(0.5))).get('fc1')!.assignment).toEqual(first.get('fc1')!.assignment);
  expect(other.get('fc1')!.scales).not.toEqual(first.get('fc1')!.scales);
});

test('recorded data give the accuracy of the whole model', async () => {
  const data = await labelledData(130);
  const trials = await Trials.open(chain, { layers: ['fc3'] });
  expect(trials.head).toBeDefined();
  const recorded = await RecordedData.record(trials, data, 50);
  const clustered = await trials.cluster(new Map([['fc3', 0.8]]));
  const { top1, samples } = await recorded.evaluate((await trials.assemble(clustered)).model);
  expect(samples).toBe(130);
  expect(top1).toBe((await evaluateModel((await trials.whole(clustered)).model, data)).top1);
  expect(Object.values(recorded.sample(trials.tail)).map(({ shape }) => shape[0])).toEqual([1]);
});
