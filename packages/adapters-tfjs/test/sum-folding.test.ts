/** Where everything between two layers is linear, the first makes the clusters of the second and nothing is left of the sum. */
import {
  type CompressedLayer,
  compressModel,
  denseMatrix,
  type Model,
  planRewrite,
  Random,
  spherical,
} from '@spherize/core';
import { SUMMATION_TOLERANCE } from '@spherize/core/proof';
import type { io } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, randomWeights, tfl } from './build-layers-model.js';
import { expectClose, outputsOf, partsOf } from './compressing.js';

/** Any clusters of n columns, some of them dropped; or every column by itself, in another order. */
function randomClusters(model: Model, name: string, random: Random): CompressedLayer {
  const { rows, cols, data } = model.weights(name);
  const scales = Float32Array.from({ length: cols }, () => 0.25 + random.uniform());
  if (random.integer(4) === 0) {
    const assignment = random.shuffle(Int32Array.from({ length: cols }, (_, j) => j));
    const centroids = denseMatrix(rows, cols);
    data.forEach((value, i) => {
      const column = i % cols;
      centroids.data[i - column + assignment[column]!] = value / scales[column]!;
    });
    return { assignment, scales, centroids };
  }
  const clusters = Array.from({ length: cols }, () => random.integer(Math.ceil(cols / 2) + 1) - 1);
  if (clusters.every((c) => c < 0)) clusters[0] = 0;
  const used = [...new Set(clusters.filter((c) => c >= 0))];
  const centroids = denseMatrix(rows, used.length);
  centroids.data.forEach((_, i) => {
    centroids.data[i] = random.normal();
  });
  return { assignment: Int32Array.from(clusters, (c) => used.indexOf(c)), scales, centroids };
}

/** Some layers of a chain compressed at random: folded and explicit agree, and nothing is added. */
async function expectSums(model: Model, names: readonly string[], seed: number): Promise<void> {
  const random = new Random(seed);
  const compressed = new Map(names.map((name) => [name, randomClusters(model, name, random)]));
  const { rewrite, folds } = planRewrite(model, compressed);
  for (const { sumInto, reason } of folds.values()) expect([reason, sumInto]).not.toContain(null);
  const folded = model.rewrite(rewrite);
  const explicit = model.rewrite(planRewrite(model, compressed, { folding: 'explicit' }).rewrite);
  expect(partsOf(folded)).toEqual(partsOf(model));
  for (const name of names) {
    const clusters = compressed.get(name)!.centroids.cols;
    expect(folded.layers.find((layer) => layer.name === name)!.inputs).toBe(clusters);
    const before = model.layers.find((layer) => layer.name === folds.get(name)!.sumInto);
    if (before) expect(folded.layers.find((layer) => layer.name === before.name)!.outputs).toBe(clusters);
  }
  expectClose(await outputsOf(folded), await outputsOf(explicit));
}

const width = fc.integer({ min: 2, max: 9 });
const lists = <T>(...kinds: T[]) =>
  fc.tuple(
    fc.array(fc.constantFrom(...kinds), { maxLength: 3 }),
    fc.array(fc.constantFrom(...kinds), { maxLength: 3 }),
  );

describe('a LayersModel', () => {
  const build = async (layers: tfl.layers.Layer[]): Promise<Model> =>
    tfjsModel(await artifactsOf(randomWeights(tfl.sequential({ layers }))));
  const flat = {
    dropout: () => [tfl.layers.dropout({ rate: 0.5 })],
    linear: () => [tfl.layers.activation({ activation: 'linear' })],
    rescaling: () => [tfl.layers.rescaling({ scale: -0.5 })],
    flatten: (n: number) => [tfl.layers.reshape({ targetShape: [1, n] }), tfl.layers.flatten()],
    reshape: (n: number) => [tfl.layers.reshape({ targetShape: [n] })],
  } as const;
  const tokens = {
    dropout: () => tfl.layers.dropout({ rate: 0.5 }),
    reshape: (n: number) => tfl.layers.reshape({ targetShape: [-1, n] }),
    average: () => tfl.layers.averagePooling1d({ poolSize: 2, strides: 1, padding: 'same' }),
  } as const;

  test('any clusters of three products in a row', async () => {
    const setting = fc.record({
      widths: fc.tuple(width, width, width, width),
      flat: lists(...(Object.keys(flat) as (keyof typeof flat)[])),
      tokens: fc.option(lists(...(Object.keys(tokens) as (keyof typeof tokens)[]))),
      ends: fc.constantFrom('steps', 'mean'),
      names: fc.constantFrom(['fc2', 'fc3'], ['fc2'], ['fc3']),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(setting, async (s) => {
        const [a, b, c, d] = s.widths;
        const steps = s.tokens === null ? [] : [4];
        const between = (i: 0 | 1, n: number): tfl.layers.Layer[] =>
          s.tokens === null
            ? s.flat[i].flatMap((kind): tfl.layers.Layer[] => flat[kind](n))
            : s.tokens[i].map((kind) => tokens[kind](n));
        const mean = s.tokens !== null && s.ends === 'mean' ? [tfl.layers.globalAveragePooling1d()] : [];
        const model = await build([
          tfl.layers.dense({ name: 'fc1', units: b, inputShape: [...steps, a] }),
          ...between(0, b),
          tfl.layers.dense({ name: 'fc2', units: c, useBias: s.seed % 2 === 0 }),
          ...between(1, c),
          ...mean,
          tfl.layers.dense({ name: 'fc3', units: d, activation: 'relu' }),
        ]);
        await expectSums(model, s.names, s.seed);
      }),
      { numRuns: 40, seed: 2 },
    );
  }, 120_000);

  test('two products in a row: smaller, no layer more, proved; any number of clusters is worth it', async () => {
    const model = await build([
      tfl.layers.dense({ name: 'fc1', units: 40, inputShape: [12] }),
      tfl.layers.dropout({ rate: 0.5 }),
      tfl.layers.dense({ name: 'fc2', units: 9 }),
    ]);
    expect(model.layers.find(({ name }) => name === 'fc2')!.mostClusters).toBeUndefined();
    const {
      model: smaller,
      layers,
      proof,
    } = await compressModel(model, {
      ratio: { fc2: 0.75 },
      clusterer: spherical,
    });
    expect(layers[0]!.fold).toMatchObject({
      sumInto: 'fc1',
      reason: expect.stringMatching(/^the sums fold into fc1 through dropout/),
    });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(partsOf(smaller)).toEqual(partsOf(model));
    expect(smaller.parameters).toBe(12 * 10 + 10 + 10 * 9 + 9);
  });

  test('filters of a convolution are added up where only means stand behind them', async () => {
    const model = await build([
      tfl.layers.conv2d({ name: 'conv', inputShape: [6, 6, 2], filters: 12, kernelSize: 3 }),
      tfl.layers.averagePooling2d({ poolSize: 2 }),
      tfl.layers.globalAveragePooling2d({}),
      tfl.layers.dense({ name: 'fc', units: 5 }),
    ]);
    await expectSums(model, ['fc'], 3);
  });

  test('the largest of some values keeps the sums where they are', async () => {
    const model = await build([
      tfl.layers.conv2d({ name: 'conv', inputShape: [6, 6, 2], filters: 12, kernelSize: 3 }),
      tfl.layers.globalMaxPooling2d({}),
      tfl.layers.dense({ name: 'fc', units: 5 }),
    ]);
    const compressed = new Map([['fc', randomClusters(model, 'fc', new Random(1))]]);
    expect(planRewrite(model, compressed).folds.get('fc')).toMatchObject({
      sumInto: null,
      scaleInto: 'conv',
    });
  });
});

describe('a GraphModel', () => {
  const between = {
    negative: (b: GraphBuilder, x: string, name: string) => b.node('Neg', name, [x]),
    identity: (b: GraphBuilder, x: string, name: string) => b.node('Identity', name, [x]),
    factor: (b: GraphBuilder, x: string, name: string) =>
      b.node('Mul', name, [x, b.weight(`${name}/c`, [], Float32Array.of(-1.5))]),
    half: (b: GraphBuilder, x: string, name: string) =>
      b.node('RealDiv', name, [x, b.weight(`${name}/c`, [1], Float32Array.of(2))]),
    shift: (b: GraphBuilder, x: string, name: string, n: number) =>
      b.node('AddV2', name, [x, b.weight(`${name}/c`, [1, n])]),
    from: (b: GraphBuilder, x: string, name: string, n: number) =>
      b.node('Sub', name, [b.weight(`${name}/c`, [n]), x]),
    reshape: (b: GraphBuilder, x: string, name: string, n: number) =>
      b.node('Reshape', name, [x, b.integers(`${name}/shape`, [-1, 1, n])]),
    flat: (b: GraphBuilder, x: string, name: string, n: number) =>
      b.node('Reshape', name, [x, b.integers(`${name}/shape`, [-1, n])]),
  } as const;
  type Kind = keyof typeof between;

  function chain(
    widths: readonly number[],
    kinds: readonly (readonly Kind[])[],
    fused: boolean,
  ): io.ModelArtifacts {
    const b = new GraphBuilder();
    let x = b.input('x', [undefined, widths[0]!]);
    for (let i = 0; i < 3; i++) {
      const [inputs, n] = [widths[i]!, widths[i + 1]!];
      const operands = [x, b.weight(`fc${i + 1}/kernel`, [inputs, n])];
      const bias = b.weight(`fc${i + 1}/bias`, [n]);
      x = fused
        ? b.fused('_FusedMatMul', `fc${i + 1}`, [...operands, bias], ['BiasAdd'])
        : b.node('BiasAdd', `fc${i + 1}/add`, [b.node('MatMul', `fc${i + 1}/product`, operands), bias]);
      const given = kinds[i] ?? [];
      // Behind a Reshape it is not known which features a constant belongs to.
      const shifts = given.some((kind) => kind === 'shift' || kind === 'from');
      const own = given.filter((kind) => !shifts || (kind !== 'reshape' && kind !== 'flat'));
      // Products read matrices.
      if (own.includes('reshape')) own.push('flat');
      own.forEach((kind, place) => {
        x = between[kind](b, x, `between${i}/${place}`, n);
      });
    }
    return b.output(b.node('Relu', 'y', [x]), [undefined, widths[3]!]).build();
  }

  test('any clusters of three products in a row', async () => {
    const setting = fc.record({
      widths: fc.tuple(width, width, width, width),
      kinds: lists(...(Object.keys(between) as Kind[])),
      fused: fc.boolean(),
      names: fc.constantFrom(['fc2', 'fc3'], ['fc2'], ['fc3']),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(setting, async (s) => {
        await expectSums(await tfjsModel(chain(s.widths, s.kinds, s.fused)), s.names, s.seed);
      }),
      { numRuns: 60, seed: 5 },
    );
  }, 120_000);

  test('two products in a row: smaller, no node more, and proved', async () => {
    const model = await tfjsModel(chain([12, 40, 9, 4], [['identity'], []], true));
    const { model: smaller, proof } = await compressModel(model, { ratio: { fc2: 0.75, fc3: 0.5 } });
    expect(proof!.deviation).toBeLessThan(SUMMATION_TOLERANCE);
    expect(partsOf(smaller)).toEqual(partsOf(model));
    expect(smaller.layers.map(({ outputs, inputs }) => [outputs, inputs])).toEqual([
      [10, 12],
      [5, 10],
      [4, 5],
    ]);
    expect(smaller.parameters).toBeLessThan(model.parameters / 2);
  });

  test('a Reshape to another number than that of the features keeps the sums where they are', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [undefined, 3]);
    const first = b.node('MatMul', 'fc1', [x, b.weight('fc1/kernel', [3, 8])]);
    const halves = b.node('Neg', 'minus', [
      b.node('Reshape', 'halves', [first, b.integers('four', [-1, 4])]),
    ]);
    const again = b.node('Reshape', 'whole', [halves, b.integers('eight', [-1, 8])]);
    const y = b.node('MatMul', 'fc2', [again, b.weight('fc2/kernel', [8, 5])]);
    const model = await tfjsModel(b.output(y, [undefined, 5]).build());
    const { name } = model.layers[1]!;
    const clusters = {
      assignment: Int32Array.of(0, 1, 0, 1, 2, 2, 1, 0),
      scales: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      centroids: denseMatrix(
        5,
        3,
        Float32Array.from({ length: 15 }, (_, i) => i - 7),
      ),
    };
    const { rewrite, folds } = planRewrite(model, new Map([[name, clusters]]));
    expect(folds.get(name)).toMatchObject({
      sumInto: null,
      reason: expect.stringContaining('the sums stay: Reshape halves fixes the number of features'),
    });
    const { rewrite: plain } = planRewrite(model, new Map([[name, clusters]]), { folding: 'explicit' });
    expectClose(await outputsOf(model.rewrite(rewrite)), await outputsOf(model.rewrite(plain)));
  });
});
