/** Columns of fully connected layers, and all other widths. */
import { compressModel, findWidths, type Model, namesOfBoth, selectBoth } from '@spherize/core';
import { bothToTarget, columnsToError, defaultReduction, narrowedShape } from '@spherize/core/allocation';
import { outputFidelity } from '@spherize/core/evaluation';
import { Trials } from '@spherize/core/trials';
import { describe, expect, test } from 'vitest';
import { onnxBytes } from '../src/index.js';
import { onnxModel } from '../src/node.js';
import { ModelBuilder, randomValues } from './build-model.js';

/** Values of which each row is one of a few, and a little noise. */
function alike([rows, ...others]: readonly [number, ...number[]], seed: number): Float32Array {
  const cols = others.reduce((all, length) => all * length, 1);
  const few = Math.ceil(rows / 3);
  const [base, noise] = [randomValues(few * cols, seed), randomValues(rows * cols, seed + 10)];
  return noise.map((value, at) => base[at % (few * cols)]! + 0.1 * value);
}

/** Two convolutions of which the second is read by the first of two layers, which has one weight in so many. */
function chain(side = 9, hidden = 40, every = 1): Model {
  const b = new ModelBuilder();
  const weights = (name: string, shape: readonly [number, ...number[]], seed: number): string =>
    b.weight(name, shape, alike(shape, seed));
  const x = b.input('x', [undefined, 2, side, side]);
  const a = b.node('Relu', [b.node('Conv', [x, weights('a', [16, 2, 3, 3], 1)])]);
  const made = b.node('Relu', [b.node('Conv', [a, weights('b', [12, 16, 3, 3], 2)])]);
  const columns = 12 * (side - 4) ** 2;
  const few = alike([columns, hidden], 3).map((value, at) => ((at * 7919) % every === 0 ? value : 0));
  const first = b.node('MatMul', [b.node('Flatten', [made]), b.weight('c', [columns, hidden], few)]);
  b.node('MatMul', [b.node('Relu', [first]), weights('d', [hidden, 5], 4)], {}, ['y']);
  return onnxModel(b.output('y', [undefined, 5]).build());
}

const inputs = (seed: number, samples = 600, side = 9) => ({
  name: 'random',
  samples,
  async *batches() {
    yield {
      x: { shape: [samples, 2, side, side], data: randomValues(samples * 2 * side ** 2, seed) },
    };
  },
});

const model = chain();
const kinds = ({ reductions }: Awaited<ReturnType<typeof compressModel>>) =>
  reductions.map(({ width, from, to, kind }) => [width, to < from, kind]);

describe('what both means', () => {
  test('layers of one product per sample that read more than single neurons, and the widths that those do not read', () => {
    const both = selectBoth(model);
    expect(both.layers.map(({ name }) => name)).toEqual(['c']);
    expect(both.widths.map(({ name }) => name)).toEqual(['a', 'c']);
    expect(namesOfBoth(model, both)).toEqual(['c', 'a', 'c:neurons']);
  });

  test('a width that such a layer makes for a convolution is one of them', () => {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 6]);
    const made = b.node('MatMul', [x, b.weight('c', [6, 8], randomValues(48, 1))]);
    const image = b.node('Unsqueeze', [b.node('Relu', [made]), b.integers([2, 3])]);
    const first = b.node('Conv', [image, b.weight('k', [6, 8, 1, 1], randomValues(48, 2))]);
    b.node('Conv', [b.node('Relu', [first]), b.weight('l', [3, 6, 1, 1], randomValues(18, 3))], {}, ['y']);
    const generator = onnxModel(b.output('y', [undefined, 3, 1, 1]).build());
    const offered = findWidths(generator.graph).widths.filter(({ reason }) => reason === undefined);
    expect(offered.map(({ producers }) => producers)).toEqual([['c'], ['k']]);
    expect(selectBoth(generator).widths.map(({ producers }) => producers)).toEqual([['c'], ['k']]);
  });

  test('a name is that of a layer before it is that of a width', () => {
    const { layers, widths } = selectBoth(model, ['c', 'a']);
    expect(layers.map(({ name }) => name)).toEqual(['c']);
    expect(widths.map(({ name }) => name)).toEqual(['a']);
    const made = selectBoth(model, ['c:neurons']);
    expect(made.layers).toEqual([]);
    expect(namesOfBoth(model, made)).toEqual(['c:neurons']);
  });

  test('a layer whose columns are neurons is refused with their width', () => {
    expect(() => selectBoth(model, ['d'])).toThrow(
      "each column of 'd' is a neuron of width 'c:neurons': name that",
    );
  });

  test('a width that a layer reads is refused with that layer', () => {
    expect(() => selectBoth(model, ['b'])).toThrow(
      "width 'b' is read by 'c', whose columns are clustered: name that layer",
    );
  });

  test('a model without one of both kinds is refused with the other reduction', () => {
    const layered = new ModelBuilder();
    const x = layered.input('x', [undefined, 6]);
    layered.node('MatMul', [x, layered.weight('a', [6, 3], randomValues(18, 1))], {}, ['y']);
    expect(() => selectBoth(onnxModel(layered.output('y', [undefined, 3]).build()))).toThrow(
      'no width that can become narrower beside the columns of its fully connected layers: reduce columns',
    );
    const tokens = new ModelBuilder();
    const t = tokens.input('x', [undefined, 4, 6]);
    const wider = tokens.node('MatMul', [t, tokens.weight('a', [6, 8], randomValues(48, 1))]);
    tokens.node('MatMul', [wider, tokens.weight('b', [8, 3], randomValues(24, 2))], {}, ['y']);
    expect(() => selectBoth(onnxModel(tokens.output('y', [undefined, 4, 3]).build()))).toThrow(
      'no fully connected layer of one product per sample whose columns are more than its neurons: reduce neurons',
    );
  });
});

describe('ratios', () => {
  test('are those of neurons first, then those of columns', async () => {
    const calibration = inputs(1);
    const ratio = { a: 0.5, 'c:neurons': 0.3, c: 0.4 };
    const both = await compressModel(model, { reduce: 'both', ratio, calibration });
    expect(kinds(both)).toEqual([
      ['a', true, 'neurons'],
      ['c:neurons', true, 'neurons'],
      ['c', true, 'columns'],
    ]);
    const narrower = await compressModel(model, {
      reduce: 'neurons',
      ratio: { a: 0.5, c: 0.3 },
      calibration,
    });
    const apart = await compressModel(narrower.model, { ratio: { c: 0.4 }, calibration });
    const { outputError } = await outputFidelity(apart.model, both.model, inputs(3));
    expect(outputError).toBeLessThan(1e-12);
    expect(both.model.parameters).toBe(apart.model.parameters);
  });

  test('of all are one number', async () => {
    const both = await compressModel(model, { reduce: 'both', ratio: 0.5, calibration: 'none' });
    expect(kinds(both)).toEqual([
      ['a', true, 'neurons'],
      ['c:neurons', true, 'neurons'],
      ['c', true, 'columns'],
    ]);
  });
});

describe('an error of the outputs', () => {
  test.each([
    [0.02, ['a', 'c']],
    [0.1, ['a', 'c:neurons', 'c']],
  ])('%s is shared, and more leaves than by columns alone', async (maxError, narrower) => {
    const options = { inputs: inputs(2), calibration: inputs(1) };
    const latencyModel = { multiplies: 1, depthwise: 1, weights: 1, values: 0, operations: 0, runs: 0 };
    const { result, reached } = await bothToTarget(
      model,
      { maxError },
      { ...options, latencyModel, roundTo: 1 },
    );
    expect(reached).toMatchObject({ maxError });
    expect(reached.reached).toBeLessThanOrEqual(maxError);
    expect(reached.reached).toBeGreaterThan(0.3 * maxError);
    expect((await outputFidelity(model, result.model, inputs(3))).outputError).toBeLessThan(1.5 * maxError);
    expect(
      kinds(result)
        .filter(([, less]) => less)
        .map(([name]) => name),
    ).toEqual(narrower);
    const columns = await columnsToError(await Trials.open(model, options), maxError, options);
    const macs = async (own: Model): Promise<number> => (await own.multiplyAccumulates?.()) ?? Number.NaN;
    expect(await macs(result.model)).toBeLessThan(await macs(columns.result.model));
  });

  test('is kept without a refit as well', async () => {
    const { result, reached } = await bothToTarget(
      model,
      { maxError: 0.1 },
      { inputs: inputs(2), calibration: 'none' },
    );
    expect(reached.reached).toBeLessThanOrEqual(0.1);
    expect(result.model.parameters).toBeLessThan(model.parameters);
    expect(result.calibration).toBeUndefined();
  });

  test('that nothing keeps takes nothing', async () => {
    const options = { inputs: inputs(2), calibration: inputs(1) };
    const { result, reached } = await bothToTarget(model, { maxError: 1e-14 }, options);
    expect(reached.reached).toBe(0);
    expect(result.model.parameters).toBe(model.parameters);
  });
});

describe('a layer whose zeros a file leaves out', () => {
  const pruned = chain(22, 64, 17);
  const options = {
    inputs: inputs(2, 60, 22),
    calibration: 'none',
    storage: 'int8',
    roundTo: 1,
  } as const;

  test('keeps its columns, and neurons leave it, where an error says how far', async () => {
    const { result, reached } = await bothToTarget(pruned, { maxError: 0.02 }, options);
    expect(reached.reached).toBeLessThanOrEqual(0.05);
    const narrower = kinds(result).filter(([, less]) => less);
    expect(narrower.length).toBeGreaterThan(0);
    expect(narrower.every(([, , kind]) => kind === 'neurons')).toBe(true);
    const floats = await bothToTarget(pruned, { maxError: 0.02 }, { ...options, storage: undefined });
    expect(kinds(floats.result)).toContainEqual(['c', true, 'columns']);
    const share = result.model.storage!.withoutZeros!('int8').get('c');
    expect(share).toBeLessThan(0.2);
  });

  test('is as large as it will be in a shape: dense where it is refitted, without its zeros where it is not', async () => {
    const bytesOf = (own: Model): number => onnxBytes(own.storage!.store('int8').model).length;
    const before = bytesOf(pruned);
    expect(before).toBeLessThan(0.3 * bytesOf(chain(22, 64)));
    const narrower = narrowedShape(pruned, new Map([['c', 0.5]]));
    expect(bytesOf(narrower)).toBeLessThan(before);
    const clustered = narrowedShape(pruned, new Map(), 1, ['c']);
    expect(bytesOf(clustered)).toBeGreaterThan(0.9 * bytesOf(chain(22, 64)));
  });
});

describe('a size of the file', () => {
  const bytesOf = async (own: Model): Promise<number> => onnxBytes(own).length;
  const to = (size: number) =>
    bothToTarget(
      model,
      { size, bytes: onnxBytes(model).length, bytesOf },
      { inputs: inputs(2), calibration: inputs(1), roundTo: 1 },
    );

  test('is kept, and hardly more leaves than it takes', async () => {
    const { result, reached } = await to(0.4);
    expect(reached).toMatchObject({ size: 0.4 });
    expect(reached).toHaveProperty('reached', onnxBytes(result.model).length / onnxBytes(model).length);
    expect(onnxBytes(result.model).length).toBeLessThanOrEqual(0.4 * onnxBytes(model).length);
    expect(onnxBytes(result.model).length).toBeGreaterThan(0.38 * onnxBytes(model).length);
    const kindsOf = new Set(result.reductions.filter(({ from, to }) => to < from).map(({ kind }) => kind));
    expect(kindsOf).toEqual(new Set(['neurons', 'columns']));
  });

  test('that cannot be reached is refused with the least that is left', async () => {
    await expect(to(0.001)).rejects.toThrow(
      /^size: widths and columns at their fewest leave 0\.0\d+: give at least that$/,
    );
  });
});

test('it is the default where most weights are in layers too wide for their neurons to be chosen well', () => {
  const target = { maxError: 0.002 };
  expect(defaultReduction(model, target)).toBe('auto');
  expect(defaultReduction(chain(25), target)).toBe('both');
  expect(defaultReduction(chain(25), undefined)).toBe('columns');
});
