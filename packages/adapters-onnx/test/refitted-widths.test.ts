/** Layers that read a narrower width are refitted to what the original gives. */
import {
  type CalibrationInputs,
  type Clusterer,
  compressModel,
  errorCurves,
  findWidths,
  kmeans,
  type Model,
  otherWeights,
  portableEngine,
  type Tensor,
} from '@spherize/core';
import { outputFidelity } from '@spherize/core/evaluation';
import { expect, test } from 'vitest';
import { readersAlone } from '../../core/test/readers-alone.js';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';

/** Random inputs `[samples, ..]`. */
function inputsOf(shape: readonly number[], seed: number): CalibrationInputs {
  const samples = 400;
  const size = shape.reduce((all, length) => all * length, samples);
  const x: Tensor = { shape: [samples, ...shape], data: randomValues(size, seed) };
  return {
    name: 'random',
    samples,
    async *batches() {
      yield { x };
    },
  };
}

/** Rows of which the second half are multiples of the first. */
function collinearRows(rows: number, length: number, seed: number): Float32Array {
  const half = randomValues((rows / 2) * length, seed);
  return Float32Array.of(...half, ...half.map((value, i) => value * (1.5 + Math.floor(i / length) / 3)));
}

/** Weights `[inputs, rows]` of a product. */
function upright(values: Float32Array, rows: number): Float32Array {
  const inputs = values.length / rows;
  return Float32Array.from(values, (_, i) => values[(i % rows) * inputs + Math.floor(i / rows)]!);
}

function products(values: Float32Array): Model {
  const b = new ModelBuilder();
  const made = b.node('MatMul', [b.input('x', [undefined, 6]), b.weight('a', [6, 12], upright(values, 12))]);
  const read = b.node('MatMul', [b.node('Relu', [made]), b.weight('b', [12, 5])]);
  return onnxModel(b.output(read, [undefined, 5]).build());
}

function convolutions(values: Float32Array): Model {
  const b = new ModelBuilder();
  const same = { pads: [1, 1, 1, 1] };
  const x = b.input('x', [undefined, 2, 5, 5]);
  const made = b.node('Conv', [x, b.weight('a', [8, 2, 3, 3], values)], same);
  const read = b.node('Conv', [b.node('Relu', [made]), b.weight('b', [4, 8, 3, 3])], same);
  return onnxModel(b.output(read, [undefined, 4, 5, 5]).build());
}

test.each([
  ['products', products(collinearRows(12, 6, 3)), [6]],
  ['convolutions', convolutions(collinearRows(8, 18, 3)), [2, 5, 5]],
])('%s: of features that are multiples of each other half can go for nothing', async (_, model, shape) => {
  const options = { ratio: 0.5, reduce: 'neurons', calibration: inputsOf(shape, 1) } as const;
  const { model: narrower, reductions } = await compressModel(model, options);
  expect(reductions[0]!.to).toBe(reductions[0]!.from / 2);
  expect((await outputFidelity(model, narrower, inputsOf(shape, 2))).outputError).toBeLessThan(1e-4);
});

test('layers behind that read no narrower width are refitted to what reaches them', async () => {
  const b = new ModelBuilder();
  const widths = [6, 16, 12, 12, 5];
  let x = b.input('x', [undefined, 6]);
  for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
    const [inputs, outputs] = [widths[i]!, widths[i + 1]!];
    const made = b.node('MatMul', [
      x,
      b.weight(name, [inputs, outputs], randomValues(inputs * outputs, i + 1)),
    ]);
    x = name === 'd' ? made : b.node('Relu', [made]);
  }
  const model = onnxModel(b.output(x, [undefined, 5]).build());
  const [first] = findWidths(model.graph).widths;
  const { model: smaller } = await compressModel(model, {
    reduce: 'neurons',
    ratio: new Map([[first!.name, 0.5]]),
    calibration: inputsOf([6], 1),
  });
  const original = model.features!;
  for (const layer of ['c', 'd'])
    expect(smaller.features!.weights(layer).weights.data).not.toEqual(original.weights(layer).weights.data);
  const asTheyWere = smaller.features!.narrow(
    otherWeights(new Map(['c', 'd'].map((layer) => [layer, original.weights(layer)]))),
  );
  const errorOf = async (of: Model): Promise<number> =>
    (await outputFidelity(model, of, inputsOf([6], 2))).outputError!;
  expect(await errorOf(smaller)).toBeLessThan(0.95 * (await errorOf(asTheyWere)));
});

test.each([1, 2, 3, 4])('random features, seed %i: refitted is nearer than not refitted', async (seed) => {
  for (const [model, shape] of [
    [products(randomValues(72, seed)), [6]],
    [convolutions(randomValues(144, seed)), [2, 5, 5]],
  ] as const) {
    const errors: number[] = [];
    for (const calibration of [inputsOf(shape, 10 + seed), 'none'] as const) {
      const { model: narrower } = await compressModel(model, { ratio: 0.5, reduce: 'neurons', calibration });
      errors.push((await outputFidelity(model, narrower, inputsOf(shape, 20 + seed))).outputError!);
    }
    expect(errors[0]).toBeLessThan(errors[1]!);
  }
});

test.each([true, false])(
  'with inputs a clusterer chooses neurons if it says so: %s',
  async (contributions) => {
    // Half of the features are products of zeros.
    const model = products(randomValues(72, 6).map((value, at) => (at % 12 < 6 ? value : 0)));
    const asked: [count: number, k: number][] = [];
    const clusterer: Clusterer = {
      name: 'watched',
      contributions,
      cluster: (columns, k, choice) => {
        asked.push([columns.count, k]);
        return kmeans.cluster(columns, k, { algorithm: 'hartigan', ...choice });
      },
    };
    const calibration = inputsOf([6], 1);
    const options = { reduce: 'neurons', clusterer, calibration } as const;
    const { model: half } = await compressModel(model, { ...options, ratio: 0.5 });
    expect((await outputFidelity(model, half, inputsOf([6], 2))).outputError).toBeLessThan(1e-6);
    const { reductions } = await compressModel(model, { ...options, ratio: 0.75 });
    expect(reductions[0]!.to).toBe(3);
    // All six that vary stay at half: there is nothing to cluster.
    expect(asked).toEqual(contributions ? [[6, 3]] : []);
  },
);

/** A curve leaves some samples out and has a ridge of its own; exchanges come on top of it. */
const CURVE = 0.5;

test.each([
  ['products', products(randomValues(72, 5)), [6]],
  ['convolutions', convolutions(randomValues(144, 5)), [2, 5, 5]],
] as const)('%s: a curve never falls, and says the error of each choice', async (_, model, shape) => {
  const [width] = findWidths(model.graph).widths;
  const inputs = inputsOf(shape, 1);
  const curve = (await errorCurves(model, [width!], inputs, { engine: portableEngine })).get(width!.name)!;
  expect(curve).toHaveLength(width!.size);
  expect(curve[0]).toBe(0);
  for (let gone = 1; gone < curve.length; gone++) {
    expect(curve[gone]).toBeGreaterThanOrEqual(curve[gone - 1]!);
    const ratio = gone / width!.size;
    const options = { ratio, reduce: 'neurons', calibration: inputs } as const;
    const { model: narrower } = await compressModel(readersAlone(model), options);
    // The layer that reads the width gives the model's output.
    const { outputError } = await outputFidelity(model, narrower, inputs);
    expect(Math.abs(outputError! / curve[gone]! - 1)).toBeLessThan(CURVE);
  }
});

test('memory bounds what is kept, to the same result, and refuses moments that it does not hold', async () => {
  const model = convolutions(randomValues(144, 5));
  const calibration = inputsOf([2, 5, 5], 1);
  const written = async (memory?: number): Promise<unknown> => {
    const { model: narrower } = await compressModel(model, {
      ratio: 0.5,
      reduce: 'neurons',
      calibration,
      ...(memory && { memory }),
    });
    return narrower.graph.layers.map(({ name }) => narrower.features!.weights(name));
  };
  // The moments of 72 columns are held, the inputs of 400 samples are not.
  expect(await written(300_000)).toEqual(await written());
  await expect(written(100_000)).rejects.toThrow(
    "memory: refitting layer 'b' takes 0.2 MB for what its 72 columns have in common, more than 0.1 MB: allow more, or reduce other widths",
  );
});
