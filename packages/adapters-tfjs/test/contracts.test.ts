import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelFormatContract } from '@spherize/core/testing';
import { afterAll, describe, test } from 'vitest';
import { tfjsFormat } from '../src/node.js';
import { artifactsOf, randomWeights, saveModel, temporaryFolder, tfl } from './build-layers-model.js';

const folder = await temporaryFolder();
const broken = join(folder, 'broken.json');
await writeFile(broken, '{"not": "a model"}');

/** Models whose layers stand in different surroundings. */
const models: Readonly<Record<string, () => tfl.LayersModel>> = {
  'a Sequential model': () =>
    tfl.sequential({
      layers: [
        tfl.layers.dense({ inputShape: [8], units: 24, activation: 'relu' }),
        tfl.layers.dense({ units: 30, activation: 'sigmoid' }),
        tfl.layers.dropout({ rate: 0.5 }),
        tfl.layers.dense({ units: 20, useBias: false }),
        tfl.layers.leakyReLU(),
        tfl.layers.dense({ units: 5, activation: 'softmax' }),
      ],
    }),
  'a convolutional model': () =>
    tfl.sequential({
      layers: [
        tfl.layers.conv2d({ inputShape: [6, 6, 2], filters: 12, kernelSize: 3, activation: 'relu' }),
        tfl.layers.maxPooling2d({ poolSize: 2 }),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 18 }),
        tfl.layers.batchNormalization(),
        tfl.layers.prelu(),
        tfl.layers.dense({ units: 4 }),
      ],
    }),
};

afterAll(() => rm(folder, { recursive: true }));

for (const [what, build] of Object.entries(models)) {
  const name = what.replaceAll(' ', '-');
  const model = await saveModel(await artifactsOf(randomWeights(build())), folder, { name });
  const sample = { model, broken, output: join(folder, `${name}-written.json`) };
  describe(`tfjsFormat keeps the contract of model formats: ${what}`, () => {
    for (const { name, run } of modelFormatContract(tfjsFormat, sample)) test(name, run);
  });
}
