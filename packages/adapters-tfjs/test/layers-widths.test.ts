/** Features leave LayersModels: with none gone, and with duplicates gone, the outputs stay as they are, and so do the layers. */
import {
  type CalibrationInputs,
  findWidths,
  generatedInputs,
  type Model,
  narrow,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
  type Width,
} from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { isObject, type JsonObject } from '../src/artifacts/json.js';
import { LayersModel } from '../src/layers-model/layers-model.js';
import { tfjsModel } from '../src/node.js';
import { randomValues } from './build-graph-model.js';
import { artifactsOf, randomWeights } from './build-layers-model.js';
import { NETWORKS, withDuplicates } from './layers-networks.js';

/** float32 sums in another order, through a few layers. */
const ROUNDING = 1e-5;
const options = { engine: portableEngine, clusterer: spherical };

function inputsOf(model: Model, rows: number, seed = 11): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map(({ name, shape, type }, i) => {
      const sizes = shape.map((size) => size ?? rows);
      const values = randomValues(
        sizes.reduce((product, size) => product * size, 1),
        seed + i,
      );
      const data = type === 'int32' ? values.map((value) => Math.floor(Math.abs(value * 50) % 11)) : values;
      return [name, { shape: sizes, data }];
    }),
  );
}

const someInputs = (model: Model): CalibrationInputs => ({
  name: 'random',
  samples: 48,
  async *batches() {
    for (let i = 0; i < 3; i++) yield inputsOf(model, 16, 100 * (i + 1));
  },
});

async function outputOf(model: Model): Promise<Tensor> {
  const session = await model.session();
  try {
    return Object.values(await session.run(inputsOf(model, 2)))[0]!;
  } finally {
    await session.release();
  }
}

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const [found, wanted] = [[...actual.data], [...expected.data]];
  const largest = Math.max(1e-3, ...wanted.map(Math.abs));
  const worst = Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!)));
  expect(worst / largest).toBeLessThanOrEqual(ROUNDING);
}

/** Names and classes of all layers, as the file lists them. */
function layersOf(model: Model): unknown[] {
  if (!(model instanceof LayersModel)) throw new Error('not a LayersModel');
  const { class_name, config } = model.artifacts.topology as { class_name: string; config: JsonObject };
  const layers = (isObject(config) ? config.layers : config) as { class_name: string; config: JsonObject }[];
  return [class_name, ...layers.map((layer) => [layer.class_name, layer.config.name])];
}

const offeredOf = (model: Model): readonly Width[] =>
  findWidths(model.graph).widths.filter(({ reason }) => reason === undefined);

describe.each(Object.entries(NETWORKS))('%s', (_, { build, widths }) => {
  let made: Promise<Model> | undefined;
  const modelOf = (): Promise<Model> => {
    made ??= artifactsOf(withDuplicates(randomWeights(build()))).then((artifacts) => tfjsModel(artifacts));
    return made;
  };

  test('has these widths', async () => {
    const found = findWidths((await modelOf()).graph).widths.map(
      ({ name, size, blocks, producers, consumers, reason }) =>
        reason === undefined
          ? `${name} ${size} ${blocks.length}: ${producers} > ${consumers}`
          : `${name}: ${reason.replace(/_\d+\b/, '')}`,
    );
    expect(found).toEqual(widths);
  });

  test('computes the same where nothing leaves', async () => {
    const model = await modelOf();
    const { graph } = model;
    expect(narrow(graph, findWidths(graph), new Set()).layers.size).toBe(0);
    const ratios = new Map(offeredOf(model).map(({ name }) => [name, 0]));
    const { model: same } = await reduceNeurons(model, ratios, options);
    expect(await outputOf(same)).toEqual(await outputOf(model));
    expect(layersOf(same)).toEqual(layersOf(model));
  });

  test('computes the same where half of the features leave, which are duplicates', async () => {
    const model = await modelOf();
    const offered = offeredOf(model);
    const { model: narrower } = await reduceNeurons(
      model,
      new Map(offered.map(({ name }) => [name, 0.5])),
      options,
    );
    expectClose(await outputOf(narrower), await outputOf(model));
    expect(layersOf(narrower)).toEqual(layersOf(model));
    if (offered.length > 0) expect(narrower.parameters).toBeLessThan(model.parameters);
  });

  test('computes what the original does with zeros for what leaves, for any share and with refitting', async () => {
    const model = await modelOf();
    const [{ type } = { type: undefined }] = model.inputs;
    const generated =
      type !== 'int32' && model.inputs.length === 1
        ? generatedInputs(model.inputs, { samples: 32, batch: 16, seed: 1 })
        : undefined;
    for (const inputs of [undefined, someInputs(model), generated]) {
      for (const ratio of [0.3, 0.75]) {
        const ratios = new Map(offeredOf(model).map(({ name }) => [name, ratio]));
        const { model: narrower, masked } = await reduceNeurons(model, ratios, { ...options, inputs });
        expectClose(await outputOf(narrower), await outputOf(masked()));
        if (ratios.size > 0) expect(narrower.parameters).toBeLessThan(model.parameters);
      }
    }
  });
});
