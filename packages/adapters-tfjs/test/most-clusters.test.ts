/** Which LayersModel layers are worth the stages that bring their columns together. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compressModel,
  kmeans,
  type Model,
  portableEngine,
  randomAssignment,
  spherical,
} from '@spherize/core';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { tfjsFiles } from '../src/index.js';
import { tfjsFormat, tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, randomWeights, temporaryFolder, tf, tfl } from './build-layers-model.js';

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
  // 40 and 4 outputs of 4 bytes, against some 3 kB of layers and up to 3.5 kB of matrices.
  expect(others).toEqual([279, 0]);
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

/** Bytes of the files of a model. */
function sizeOf(model: Model): number {
  return tfjsFiles(model).reduce(
    (sum, { pieces }) => sum + pieces.reduce((bytes, { length }) => bytes + length, 0),
    0,
  );
}

/** A Dense layer behind another one, or the model's first, its weights as floats or in a byte each. */
async function small(
  name: string,
  inputs: number,
  outputs: number,
  behind: 'relu' | 'tanh' | undefined,
  bytes: boolean,
): Promise<Model> {
  const last = tfl.layers.dense({ name, units: outputs, ...(!behind && { inputShape: [inputs] }) });
  const h = behind && tfl.layers.dense({ name: 'h', units: inputs, activation: behind, inputShape: [8] });
  const layers = h ? [h, last] : [last];
  const artifacts = await artifactsOf(randomWeights(tfl.sequential({ layers })));
  return tfjsModel(bytes ? quantised(artifacts) : artifacts);
}

/** All weights as uint8. */
function quantised(artifacts: tf.io.ModelArtifacts): tf.io.ModelArtifacts {
  const values = new Float32Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData!));
  const weightData = Uint8Array.from(values, (value) => Math.max(0, Math.min(255, 128 + 40 * value))).buffer;
  const quantization = { dtype: 'uint8' as const, scale: 1 / 40, min: -128 / 40 };
  const weightSpecs = artifacts.weightSpecs!.map((spec) => ({ ...spec, quantization }));
  return { ...artifacts, weightData, weightSpecs };
}

test('whatever the layer, clusterer and ratio, the files become no larger', async () => {
  const kept = { none: 0, some: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('fc', 'a/long/name/of/a/layer/in/some/scope', 'x'.repeat(80)),
      fc.constantFrom(17, 128, 255, 512, 600),
      fc.constantFrom(10, 40, 100, 300),
      fc.constantFrom('relu' as const, 'tanh' as const, undefined),
      fc.boolean(),
      fc.constantFrom(spherical, kmeans, randomAssignment),
      fc.double({ min: 0.1, max: 0.95, noNaN: true }),
      async (name, inputs, outputs, behind, bytes, clusterer, ratio) => {
        const model = await small(name, inputs, outputs, behind, bytes);
        const layers = [model.layers.at(-1)!.name];
        const { model: smaller } = await compressModel(model, {
          clusterer,
          engine: portableEngine,
          ratio,
          layers,
        });
        const [before, after] = [sizeOf(model), sizeOf(smaller)];
        expect(after).toBeLessThanOrEqual(before);
        kept[after === before ? 'none' : 'some']++;
      },
    ),
    { numRuns: 40, seed: 3 },
  );
  // Neither is the bound so high that nothing is compressed.
  expect(kept.some).toBeGreaterThan(5);
});

test('a graph model of one small layer becomes smaller', async () => {
  const b = new GraphBuilder();
  const h = b.node('Relu', 'relu', [
    b.node('MatMul', 'h', [b.input('x', [undefined, 8]), b.weight('h/kernel', [8, 128])]),
  ]);
  b.node('MatMul', 'y', [h, b.weight('fc/kernel', [128, 10])]);
  const model = await tfjsModel(b.output('y', [undefined, 10]).build());
  const options = { clusterer: spherical, engine: portableEngine, ratio: 0.5, layers: ['fc'] };
  expect(sizeOf((await compressModel(model, options)).model)).toBeLessThan(sizeOf(model));
});
