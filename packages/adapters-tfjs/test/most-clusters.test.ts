/** Which LayersModel layers are worth the stages that bring their columns together. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { compressModel, type Model, portableEngine, spherical } from '@spherize/core';
import { afterAll, expect, test } from 'vitest';
import { tfjsFormat, tfjsModel } from '../src/node.js';
import { artifactsOf, randomWeights, temporaryFolder, tfl } from './build-layers-model.js';

const folder = await temporaryFolder();
afterAll(() => rm(folder, { recursive: true }));

const dense = (name: string, units: number, inputShape?: number[]) =>
  tfl.layers.dense({ name, units, activation: 'relu', ...(inputShape && { inputShape }) });

async function opened(...layers: tfl.layers.Layer[]): Promise<Model> {
  return tfjsModel(await artifactsOf(randomWeights(tfl.sequential({ layers }))));
}

test('a layer is worth it where enough columns go: more of them where it reads the input', async () => {
  const model = await opened(dense('fc1', 300, [256]), dense('fc2', 40), dense('fc3', 4));
  const [first, ...others] = model.layers.map(({ mostClusters }) => mostClusters);
  expect(first).toBeGreaterThan(64);
  expect(first).toBeLessThan(192);
  // 40 and 4 outputs of 4 bytes, against some 3.1 kB of layers.
  expect(others).toEqual([280, 0]);
});

test('a layer of many outputs whose order folds is always worth it', async () => {
  const { layers } = await opened(dense('fc1', 8, [8]), dense('fc2', 1000));
  expect(layers[1]!.mostClusters).toBeUndefined();
});

test.each([
  ['few outputs', dense('fc', 10, [512])],
  ['few weights', dense('fc', 24, [24])],
])('%s: none is', async (_, layer) => {
  const { layers } = await opened(layer);
  expect(layers[0]!.mostClusters).toBe(0);
});

test('a part of a model offers what the whole does', async () => {
  const model = await opened(dense('fc1', 300, [256]), dense('fc2', 40), dense('fc3', 4));
  const { head, tail } = model.split(['fc2'], []);
  expect([...(head?.layers ?? []), ...tail.layers]).toEqual(model.layers);
  expect(model.split(['fc3'], []).tail.layers).toEqual(model.layers.slice(2));
});

test.each([0.1, 0.3, 0.5, 0.7, 0.9])('at a ratio of %s nothing becomes larger or dearer', async (ratio) => {
  const model = await opened(dense('fc', 300, [256]));
  const options = { clusterer: spherical, engine: portableEngine, ratio };
  const { model: smaller, layers } = await compressModel(model, options);
  const target = join(folder, 'model.json');
  const before = await model.write(target);
  const after = await smaller.write(target);
  const reread = (await tfjsFormat.read(target)).model;
  const multiplications = [await model.multiplyAccumulates?.(), await reread.multiplyAccumulates?.()];
  if (layers[0]!.clusters === 256) {
    expect(after).toBe(before);
    expect(multiplications[1]).toBe(multiplications[0]);
    expect(layers[0]!.fold.reason).toMatch(/^left as it is: /);
  } else {
    expect(after).toBeLessThan(before);
    expect(multiplications[1]!).toBeLessThan(multiplications[0]!);
  }
});
