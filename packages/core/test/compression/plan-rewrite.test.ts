import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CompressedLayer,
  clusterLayer,
  denseMatrix,
  type Model,
  planRewrite,
  portableEngine,
  prepareLayer,
  type RewriteOptions,
  reconstruct,
  spherical,
  toMlMatrix,
} from '../../src/index.js';
import { ChainModel, fc as fullyConnected, type Operation, runOn } from '../memory-format.js';
import { largestDifference, matrixOfColumns, randomMatrix, randomValues } from '../naive.js';

/** float32 sums of a few dozen terms in another order, through three layers, relative to the largest output. */
const FLOAT32_SUMS = 1e-5;

async function clusterAll(
  model: Model,
  ratio: number,
  names?: readonly string[],
): Promise<Map<string, CompressedLayer>> {
  const result = new Map<string, CompressedLayer>();
  for (const layer of model.layers) {
    if (names && !names.includes(layer.name)) continue;
    const prepared = await prepareLayer(model, layer, 0, portableEngine);
    result.set(layer.name, await clusterLayer(prepared, spherical, ratio));
  }
  return result;
}

/** The model with the weights that the compressed layers stand for. */
function restored(model: Model, compressed: ReadonlyMap<string, CompressedLayer>): Model {
  const layers = [...compressed].map(([layer, clusters]) => ({
    layer,
    weights: reconstruct(clusters),
    bias: model.bias(layer) ?? null,
    input: null,
  }));
  return model.rewrite({ layers, features: [] });
}

async function expectSame(actual: Model, expected: Model): Promise<void> {
  const inputs = randomValues(2 * expected.inputs[0]!.shape[1]!, 5);
  const [found, wanted] = [await runOn(actual, inputs), await runOn(expected, inputs)];
  const largest = Math.max(...wanted.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  expect(largestDifference(found, wanted)).toBeLessThanOrEqual(FLOAT32_SUMS * largest);
}

const relu = (name: string): Operation => ({ type: 'relu', name });
const negative = (name: string): Operation => ({ type: 'negative', name });
const shift = (name: string, width: number): Operation => ({
  type: 'shift',
  name,
  values: randomValues(width, 33),
});
const sigmoid = (name: string): Operation => ({ type: 'sigmoid', name });
const affine = (name: string, width: number): Operation => ({
  type: 'affine',
  name,
  factors: randomValues(width, 31),
  shifts: randomValues(width, 32),
});

describe('by hand', () => {
  // Columns 0 and 2 point one way, column 1 is zero, column 3 is alone.
  const second = matrixOfColumns([
    [2, 0],
    [0, 0],
    [3, 0],
    [0, 5],
  ]);
  const first = denseMatrix(4, 1, Float32Array.of(10, 20, 30, 40));
  const compressed = new Map<string, CompressedLayer>([
    [
      'fc2',
      {
        assignment: Int32Array.of(0, -1, 0, 1),
        scales: Float32Array.of(2, 0, 3, 5),
        centroids: matrixOfColumns([
          [1, 0],
          [0, 1],
        ]),
      },
    ],
  ]);
  const chain = (between: readonly Operation[], shared = false): ChainModel =>
    new ChainModel(
      [
        { type: 'fc', name: 'fc1', weights: first, bias: Float32Array.of(1, 2, 3, 4), shared },
        ...between,
        { type: 'fc', name: 'fc2', weights: second, bias: Float32Array.of(7, 8) },
      ],
      1,
    );
  const groups = [
    { size: 1, count: 1 },
    { size: 2, count: 1 },
  ];

  test('factors and order go into the rows and the bias of the layer before; dead neurons go', () => {
    const { rewrite, folds } = planRewrite(chain([relu('relu')]), compressed);
    expect(folds.get('fc2')?.reason).toBe('folds into fc1 through relu');
    expect(rewrite.features).toEqual([]);
    const [before, after] = rewrite.layers;
    expect(before).toEqual({
      layer: 'fc1',
      weights: denseMatrix(3, 1, Float32Array.of(5 * 40, 2 * 10, 3 * 30)),
      bias: Float32Array.of(5 * 4, 2 * 1, 3 * 3),
      input: null,
    });
    expect(after?.input).toEqual({ gather: null, multiply: null, groups });
    expect(toMlMatrix(after!.weights).to2DArray()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(after?.bias).toEqual(Float32Array.of(7, 8));
  });

  test('where all is linear the rows are added up, with the bias and what is added on the way', () => {
    const added: Operation = { type: 'shift', name: 'add', values: Float32Array.of(0.1, 0.2, 0.3, 0.4) };
    const model = chain([negative('minus'), added]);
    const { rewrite, folds } = planRewrite(model, compressed);
    expect(folds.get('fc2')).toMatchObject({
      sumInto: 'fc1',
      reason: 'the sums fold into fc1 through add, minus',
    });
    const [before, after] = rewrite.layers;
    expect(before).toEqual({
      layer: 'fc1',
      weights: denseMatrix(2, 1, Float32Array.of(5 * 40, 2 * 10 + 3 * 30)),
      bias: Float32Array.of(5 * 4, 2 * 1 + 3 * 3),
      input: null,
    });
    const order = Int32Array.of(3, 0, 2);
    expect(rewrite.features).toEqual([
      { operation: 'add', order, scales: Float32Array.of(5, 2, 3), sums: groups },
    ]);
    expect(after).toMatchObject({ layer: 'fc2', input: null, bias: Float32Array.of(7, 8) });
    expect(toMlMatrix(after!.weights).to2DArray()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    const smaller = model.rewrite(rewrite);
    expect([...smaller.weights('fc1').data, ...smaller.bias('fc1')!]).toEqual([200, 110, 20, 11]);
  });

  test('a factor for each feature keeps the sums where they are', () => {
    const { rewrite, folds } = planRewrite(chain([affine('norm', 4), negative('minus')]), compressed);
    expect(folds.get('fc2')?.reason).toMatch(
      /; the sums stay: affine norm multiplies each feature by values of its own$/,
    );
    expect(rewrite.layers[1]?.input).toEqual({ gather: null, multiply: null, groups });
  });

  const gathered = {
    gather: Int32Array.of(3, 0, 2),
    multiply: Float32Array.of(5, 2, 3),
    groups,
  };

  test('explicit: gather and multiply, and the layer before is not touched', () => {
    const { rewrite, folds } = planRewrite(chain([relu('relu')]), compressed, { folding: 'explicit' });
    expect(folds.get('fc2')).toMatchObject({
      scaleInto: null,
      orderInto: null,
      reason: 'explicit by request',
    });
    expect(rewrite.layers.map(({ layer, input }) => [layer, input])).toEqual([['fc2', gathered]]);
  });

  test('shared weights: the same', () => {
    const { rewrite, folds } = planRewrite(chain([relu('relu')], true), compressed);
    expect(folds.get('fc2')?.reason).toBe('the weights of fc1 are shared');
    expect(rewrite.layers.map(({ layer, input }) => [layer, input])).toEqual([['fc2', gathered]]);
  });

  test('an activation that is not homogeneous: the order folds, the factors stay', () => {
    const { rewrite } = planRewrite(chain([sigmoid('sigmoid')]), compressed);
    const [before, after] = rewrite.layers;
    expect([...before!.weights.data]).toEqual([40, 10, 30]);
    expect([...before!.bias!]).toEqual([4, 1, 3]);
    expect(after?.input).toEqual({ ...gathered, gather: null });
  });

  test('parameters per feature take the factors, the layer before the order', () => {
    const { rewrite } = planRewrite(chain([affine('norm', 4)]), compressed);
    expect(rewrite.features).toEqual([
      { operation: 'norm', order: gathered.gather, scales: gathered.multiply },
    ]);
    const [before, after] = rewrite.layers;
    expect([...before!.weights.data]).toEqual([40, 10, 30]);
    expect(after?.input).toEqual({ gather: null, multiply: null, groups });
  });

  test('parameters per feature take the factors in place when the order stays; dropped columns keep theirs', () => {
    const { rewrite } = planRewrite(chain([affine('norm', 4)], true), compressed);
    expect(rewrite.features).toEqual([
      { operation: 'norm', order: null, scales: Float32Array.of(2, 1, 3, 5) },
    ]);
    expect(rewrite.layers.map(({ layer, input }) => [layer, input])).toEqual([
      ['fc2', { ...gathered, multiply: null }],
    ]);
  });

  test('an order that is right already and factors of one leave nothing to do', () => {
    const plain = new Map([
      [
        'fc2',
        {
          assignment: Int32Array.of(0, 0, 1, 1),
          scales: new Float32Array(4).fill(1),
          centroids: denseMatrix(2, 2),
        },
      ],
    ]);
    for (const between of [[relu('relu')], [affine('norm', 4)], [sigmoid('sigmoid')]]) {
      const { rewrite } = planRewrite(chain(between), plain);
      expect(rewrite.features).toEqual([]);
      expect(rewrite.layers.map(({ layer, input }) => [layer, input])).toEqual([
        ['fc2', { gather: null, multiply: null, groups: [{ size: 2, count: 2 }] }],
      ]);
    }
  });

  test('layers without a bias keep none', () => {
    const model = new ChainModel(
      [
        { type: 'fc', name: 'fc1', weights: first },
        { type: 'fc', name: 'fc2', weights: second },
      ],
      1,
    );
    const { rewrite } = planRewrite(model, compressed);
    expect(rewrite.layers.map(({ bias }) => bias)).toEqual([null, null]);
  });
});

const chains: readonly (readonly [string, readonly Operation[], readonly (string | null)[]])[] = [
  [
    'three layers with Relu',
    [
      fullyConnected('fc1', 14, 9, 1),
      relu('a'),
      fullyConnected('fc2', 11, 14, 2),
      relu('b'),
      fullyConnected('fc3', 5, 11, 3),
    ],
    [null, 'fc1', 'fc2'],
  ],
  [
    'a sigmoid',
    [
      fullyConnected('fc1', 14, 9, 1),
      sigmoid('a'),
      fullyConnected('fc2', 11, 14, 2),
      relu('b'),
      fullyConnected('fc3', 5, 11, 3),
    ],
    [null, null, 'fc2'],
  ],
  [
    'parameters per feature after and before an activation',
    [
      fullyConnected('fc1', 14, 9, 1),
      affine('n1', 14),
      relu('a'),
      fullyConnected('fc2', 11, 14, 2),
      sigmoid('b'),
      affine('n2', 11),
      fullyConnected('fc3', 5, 11, 3),
    ],
    [null, 'n1', 'n2'],
  ],
  [
    'three products in a row',
    [fullyConnected('fc1', 14, 9, 1), fullyConnected('fc2', 11, 14, 2), fullyConnected('fc3', 5, 11, 3)],
    [null, 'fc1', 'fc2'],
  ],
  [
    'constants and signs between products',
    [
      fullyConnected('fc1', 14, 9, 1),
      negative('a'),
      shift('s', 14),
      fullyConnected('fc2', 11, 14, 2),
      shift('t', 11),
      negative('b'),
      fullyConnected('fc3', 5, 11, 3),
    ],
    [null, 'fc1', 'fc2'],
  ],
  [
    'shared weights in the middle',
    [
      fullyConnected('fc1', 14, 9, 1),
      relu('a'),
      { ...fullyConnected('fc2', 11, 14, 2), shared: true },
      affine('n', 11),
      relu('b'),
      fullyConnected('fc3', 5, 11, 3),
    ],
    [null, 'fc1', 'n'],
  ],
];

describe.each(chains)('%s', (_, operations, scaleInto) => {
  const model = new ChainModel(operations, 9);

  test.each<RewriteOptions>([{}, { folding: 'fold' }, { folding: 'explicit' }])(
    'computes what the clusters stand for: %o',
    async (options) => {
      for (const ratio of [0, 0.3, 0.8, 0.95]) {
        for (const names of [undefined, ['fc2'], ['fc1', 'fc3'], ['fc3']]) {
          const compressed = await clusterAll(model, ratio, names);
          const { rewrite, folds } = planRewrite(model, compressed, options);
          expect([...folds.keys()]).toEqual([...compressed.keys()]);
          await expectSame(model.rewrite(rewrite), restored(model, compressed));
        }
      }
    },
  );

  test('folds where it should', async () => {
    const { folds } = planRewrite(model, await clusterAll(model, 0.5));
    expect([...folds.values()].map((fold) => fold.scaleInto)).toEqual(scaleInto);
  });

  test('has fewer parameters when folded', async () => {
    const compressed = await clusterAll(model, 0.5);
    const folded = model.rewrite(planRewrite(model, compressed).rewrite);
    expect(folded.parameters).toBeLessThan(model.parameters);
  });
});

test('neurons that feed zero columns are removed from a chain, and the rest computes the same', async () => {
  const second = randomMatrix(6, 10, 2);
  for (let i = 0; i < 6; i++) for (const j of [0, 4, 9]) second.data[i * 10 + j] = 0;
  const model = new ChainModel(
    [fullyConnected('fc1', 10, 4, 1), relu('relu'), { type: 'fc', name: 'fc2', weights: second }],
    4,
  );
  const compressed = await clusterAll(model, 0.5, ['fc2']);
  const rewritten = model.rewrite(planRewrite(model, compressed).rewrite);
  expect(rewritten.weights('fc1').rows).toBe(7);
  expect(rewritten.bias('fc1')).toHaveLength(7);
  await expectSame(rewritten, restored(model, compressed));
});

test('a layer of nothing but zeros keeps its bias', async () => {
  const model = new ChainModel(
    [
      fullyConnected('fc1', 6, 4, 1),
      relu('relu'),
      { type: 'fc', name: 'fc2', weights: denseMatrix(3, 6), bias: Float32Array.of(1, 2, 3) },
    ],
    4,
  );
  for (const folding of ['fold', 'explicit'] as const) {
    const { rewrite } = planRewrite(model, await clusterAll(model, 0.5), { folding });
    expect([...(await runOn(model.rewrite(rewrite), randomValues(8, 1)))]).toEqual([1, 2, 3, 1, 2, 3]);
  }
});

test('any clustering of any chain: folded, explicit and restored agree', async () => {
  const width = fc.integer({ min: 1, max: 9 });
  const between = fc.subarray(['relu', 'sigmoid', 'affine', 'negative', 'shift'] as const);
  const layerOf = (m: number, n: number, seed: number): CompressedLayer => {
    const random = randomValues(3 * n, seed);
    const clusters = Array.from({ length: n }, (_, j) => Math.floor(Math.abs(random[j]!) * 3) - 1);
    const used = [...new Set(clusters.filter((c) => c >= 0))];
    if (used.length === 0) {
      clusters[0] = 0;
      used.push(0);
    }
    return {
      assignment: Int32Array.from(clusters, (c) => used.indexOf(c)),
      scales: Float32Array.from({ length: n }, (_, j) => Math.abs(random[n + j]!)),
      centroids: randomMatrix(m, used.length, seed + 1),
    };
  };
  await fc.assert(
    fc.asyncProperty(
      width,
      width,
      width,
      width,
      between,
      between,
      fc.nat(1e6),
      async (a, b, c, d, one, two, seed) => {
        const pass = (
          kinds: readonly ('relu' | 'sigmoid' | 'affine' | 'negative' | 'shift')[],
          at: string,
          size: number,
        ): Operation[] =>
          kinds.map((kind) => {
            const name = `${at}${kind}`;
            if (kind === 'shift') return shift(name, size);
            return kind === 'affine' ? affine(name, size) : { type: kind, name };
          });
        const model = new ChainModel(
          [
            fullyConnected('fc1', b, a, seed),
            ...pass(one, '1', b),
            fullyConnected('fc2', c, b, seed + 1),
            ...pass(two, '2', c),
            fullyConnected('fc3', d, c, seed + 2),
          ],
          a,
        );
        const compressed = new Map([
          ['fc1', layerOf(b, a, seed + 3)],
          ['fc2', layerOf(c, b, seed + 4)],
          ['fc3', layerOf(d, c, seed + 5)],
        ]);
        const expected = restored(model, compressed);
        for (const folding of ['fold', 'explicit'] as const) {
          const rewritten = model.rewrite(planRewrite(model, compressed, { folding }).rewrite);
          await expectSame(rewritten, expected);
          const linear = (kinds: readonly string[]) =>
            folding === 'fold' && kinds.every((kind) => kind === 'negative' || kind === 'shift');
          // Where all is linear the layer before makes the clusters, and nothing sums.
          for (const [before, between, after] of [
            ['fc1', one, 'fc2'],
            ['fc2', two, 'fc3'],
          ] as const) {
            const clusters = compressed.get(after)!.centroids.cols;
            if (linear(between)) expect(rewritten.weights(before).rows).toBe(clusters);
          }
        }
      },
    ),
    { numRuns: 150, seed: 1 },
  );
});

test('it leaves what it is given as it is', async () => {
  const model = new ChainModel(
    [fullyConnected('fc1', 6, 4, 1), relu('r'), fullyConnected('fc2', 3, 6, 2)],
    4,
  );
  const before = model.layers.map(({ name }) => model.weights(name).data.slice());
  const compressed = await clusterAll(model, 0.5);
  const copies = [...compressed.values()].map((layer) => structuredClone(layer));
  planRewrite(model, compressed);
  expect([...compressed.values()]).toEqual(copies);
  expect(model.layers.map(({ name }) => model.weights(name).data)).toEqual(before);
});
