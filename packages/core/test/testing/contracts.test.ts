/** Everything that core ships keeps its contract, and the suites notice what does not. */
import { describe, expect, test } from 'vitest';
import {
  type Clusterer,
  type ClustererOption,
  type ClusteringAlgorithm,
  type FlowOperation,
  kmeans,
  l2Slice,
  type MatrixEngine,
  type Model,
  type ModelFormat,
  meanClustering,
  portableEngine,
  randomAssignment,
  rankOne,
  spherical,
  withOptions,
} from '../../src/index.js';
import {
  type ContractCheck,
  clustererContract,
  matrixEngineContract,
  modelFormatContract,
} from '../../src/testing/index.js';
import { WRONG_REWRITES } from '../../src/testing/wrong-rewrites.js';
import { ChainModel, fc, memoryFormat, type Operation } from '../memory-format.js';
import { randomValues } from '../naive.js';

/** The same clusterer with another default algorithm. */
function withAlgorithm(clusterer: Clusterer, algorithm: ClusteringAlgorithm): Clusterer {
  return { ...withOptions(clusterer, { algorithm }), name: `${clusterer.name}, ${algorithm}` };
}

const everyKth: Clusterer = {
  name: 'every-kth',
  async cluster({ count }, k, { signal }) {
    signal?.throwIfAborted();
    return meanClustering(
      Int32Array.from({ length: count }, (_, j) => j % k),
      k,
    );
  },
};

describe.each([
  withAlgorithm(kmeans, 'lloyd'),
  withAlgorithm(kmeans, 'hartigan'),
  withAlgorithm(spherical, 'lloyd'),
  withAlgorithm(spherical, 'hartigan'),
  withAlgorithm(rankOne, 'lloyd'),
  withAlgorithm(rankOne, 'hartigan'),
  l2Slice,
  randomAssignment,
  everyKth,
])('clusterer $name', (clusterer) => {
  for (const { name, run } of clustererContract(clusterer)) test(name, run);
});

describe('engine portable', () => {
  for (const { name, run } of matrixEngineContract(portableEngine)) test(name, run);
});

const affine: Operation = {
  type: 'affine',
  name: 'norm',
  factors: randomValues(12, 7),
  shifts: randomValues(12, 8),
};

/** A store of one model at `a.chain`, with a broken file beside it. */
function storeOf(operations: readonly Operation[], width: number): Map<string, ChainModel | undefined> {
  const files = new Map<string, ChainModel | undefined>([['b.chain', undefined]]);
  files.set('a.chain', new ChainModel(operations, width, files as Map<string, ChainModel>));
  return files;
}

function formatContract(
  operations: readonly Operation[],
  width: number,
  wrap = (format: ModelFormat) => format,
) {
  const sample = { model: 'a.chain', broken: 'b.chain', output: 'c.chain' };
  return modelFormatContract(wrap(memoryFormat(storeOf(operations, width))), sample);
}

/** Made anew for every use: one of the tests below spoils it. */
const threeLayers = (): readonly Operation[] => [
  fc('fc1', 10, 6, 1),
  { type: 'relu', name: 'relu1' },
  fc('fc2', 12, 10, 2),
  affine,
  { type: 'sigmoid', name: 'sigmoid' },
  fc('fc3', 4, 12, 3),
];

/** Layers with nothing but linear operations between the first two. */
const linearLayers = (): readonly Operation[] => [
  fc('fc1', 10, 6, 1),
  { type: 'shift', name: 'add', values: randomValues(10, 9) },
  { type: 'negative', name: 'minus' },
  fc('fc2', 12, 10, 2),
  { type: 'relu', name: 'relu' },
  { type: 'shift', name: 'offset', values: randomValues(12, 10) },
  fc('fc3', 4, 12, 3),
];

describe('an in-memory model format', () => {
  for (const { name, run } of formatContract(threeLayers(), 6)) test(name, run);
});

describe('an in-memory model with linear operations', () => {
  for (const { name, run } of formatContract(linearLayers(), 6)) test(name, run);
});

describe('an in-memory model of one layer and one column', () => {
  for (const { name, run } of formatContract([fc('fc', 3, 1, 1)], 1)) test(name, run);
});

describe('the clusterer contract notices', () => {
  const broken: readonly (readonly [what: string, cluster: Clusterer['cluster'], failing: RegExp])[] = [
    [
      'a cluster too many',
      async (columns, k, options) => {
        const clustering = await everyKth.cluster(columns, k, options);
        clustering.assignment[0] = k;
        return clustering;
      },
      /at most 1 clusters/,
    ],
    [
      'a result that is too short',
      async ({ count }, k) => meanClustering(new Int32Array(count - 1), k),
      /at most 1 clusters/,
    ],
    [
      'negative scales',
      async (columns, k, options) => {
        const clustering = await everyKth.cluster(columns, k, options);
        return { ...clustering, scales: clustering.scales.fill(-1) };
      },
      /at most 1 clusters/,
    ],
    [
      'an ignored signal',
      (columns, k, options) => everyKth.cluster(columns, k, { ...options, signal: undefined }),
      /aborted beforehand/,
    ],
    [
      'a signal that is looked at only once',
      async (columns, k, options) => {
        options.signal?.throwIfAborted();
        return kmeans.cluster(columns, k, { ...options, signal: undefined });
      },
      /aborted on the way/,
    ],
    [
      'chance',
      (columns, k, options) => kmeans.cluster(columns, k, { ...options, seed: Math.random() * 1e9 }),
      /same seed/,
    ],
    [
      'another default seed',
      (columns, k, options) => kmeans.cluster(columns, k, { ...options, seed: options.seed ?? 1 }),
      /same seed/,
    ],
    [
      'a Gram matrix that is written to',
      async (columns, k, options) => {
        columns.gram.diagonal[0]! += 1;
        return everyKth.cluster(columns, k, options);
      },
      /leaves all it is given/,
    ],
    [
      'a Gram matrix that is expected at once',
      async (columns, k, options) => {
        const rows = columns.gram.rows(0, columns.count) as Float32Array;
        const clustering = await everyKth.cluster(columns, k, options);
        return { ...clustering, scales: clustering.scales.fill(rows[0]! > 0 ? 1 : 2) };
      },
      /how the Gram matrix is served|keeps runs/,
    ],
    [
      'progress backwards',
      (columns, k, options) => {
        options.onProgress?.({ phase: 'a', done: 2, total: 3 });
        options.onProgress?.({ phase: 'a', done: 1, total: 3 });
        return everyKth.cluster(columns, k, options);
      },
      /progress/,
    ],
  ];

  test.each(broken)('%s', async (_, cluster, failing) => {
    expect(await firstFailure(clustererContract({ name: 'broken', cluster }))).toMatch(failing);
  });

  const halves = { type: 'integer', min: 1, max: 2, default: 1, description: 'how often' } as const;
  test.each<readonly [string, Clusterer]>([
    ['an option that its bounds break', withOption(halves, (value) => value === 2)],
    [
      'a value that is not taken',
      withOption({ ...halves, type: 'enum', values: ['a', 'b'], default: 'a' }, (value) => value === 'b'),
    ],
    [
      'a switch that is not taken',
      withOption({ type: 'boolean', default: true, description: 'whether' }, (value) => value === false),
    ],
  ])('%s', async (_, clusterer) => {
    expect(await firstFailure(clustererContract(clusterer))).toMatch(/takes what it describes/);
  });

  test('an option without a description', async () => {
    const nameless = withOption({ ...halves, description: '' }, () => false);
    expect(await firstFailure(clustererContract(nameless))).toBeDefined();
  });
});

/** A clusterer with an option of which some values break it. */
function withOption(option: ClustererOption, breaks: (value: unknown) => boolean): Clusterer {
  const clusterer: Clusterer<{ readonly own: unknown }> = {
    name: 'optional',
    options: { own: option },
    async cluster(columns, k, { own, ...options }) {
      if (breaks(own)) throw new Error(`own is ${own}`);
      return everyKth.cluster(columns, k, options);
    },
  };
  return clusterer;
}

describe('the matrix engine contract notices', () => {
  const change = (multiply: MatrixEngine['multiply']): MatrixEngine => ({ ...portableEngine, multiply });
  test.each<readonly [string, MatrixEngine, RegExp]>([
    [
      'a wrong value',
      change(async (a, b) => {
        const result = await portableEngine.multiply(a, b);
        const last = result.data.length - 1;
        result.data[last] = result.data[last]! * (1 + 1e-4);
        return result;
      }),
      /multiplies/,
    ],
    [
      'ten bits of mantissa',
      change((a, b) =>
        portableEngine.multiply({ ...a, data: a.data.map((v) => Math.round(v * 1024) / 1024) }, b),
      ),
      /multiplies/,
    ],
    [
      'shapes that are not checked',
      change(async (a, b) => ({
        rows: a.rows,
        cols: b.cols,
        data: (await portableEngine.multiply(a, { ...b, rows: a.cols })).data,
      })),
      /refuses/,
    ],
    ['a buffer that is used again', reusingEngine(), /matrix of its own/],
  ])('%s', async (_, engine, failing) => {
    expect(await firstFailure(matrixEngineContract(engine))).toMatch(failing);
  });
});

/** Returns every product in the same memory. */
function reusingEngine(): MatrixEngine {
  const memory = new Float32Array(1e5);
  return {
    ...portableEngine,
    async multiply(a, b) {
      const { rows, cols, data } = await portableEngine.multiply(a, b);
      memory.set(data);
      return { rows, cols, data: memory.subarray(0, data.length) };
    },
  };
}

/** The memory format with something wrong about its models. */
const withModels = (spoil: (model: Model) => Partial<Model>) => (format: ModelFormat) => {
  const spoiled = (model: Model): Model =>
    new Proxy(model, {
      get(target, key) {
        const own = spoil(target) as Record<string | symbol, unknown>;
        const value = key in own ? own[key] : Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return {
    ...format,
    read: async (source: string) => {
      const { model, bytes } = await format.read(source);
      return { model: spoiled(model), bytes };
    },
  };
};

describe('the model format contract notices', () => {
  const dropping =
    (part: 'gather' | 'multiply') =>
    (model: Model): Partial<Model> => ({
      rewrite: ({ layers, features }) =>
        model.rewrite({
          layers: layers.map((layer) => ({
            ...layer,
            input: layer.input && { ...layer.input, [part]: null },
          })),
          features,
        }),
    });

  test.each<readonly [string, (format: ModelFormat) => ModelFormat, RegExp]>([
    [
      'transposed shapes',
      withModels((m) => ({ weights: (name) => ({ ...m.weights(name), rows: 1 }) })),
      /names its layers/,
    ],
    ['factors that are left out', withModels(dropping('multiply')), /explicit/],
    ['an order that is left out', withModels(dropping('gather')), /explicit/],
    [
      'parameters per feature that are left alone',
      withModels((model) => ({ rewrite: ({ layers }) => model.rewrite({ layers, features: [] }) })),
      /fold/,
    ],
    [
      'a model that is changed in place',
      withModels((model) => ({
        rewrite: (rewrite) => {
          model.weights('fc2').data.fill(0);
          return model.rewrite(rewrite);
        },
      })),
      /computes|never changes/,
    ],
    [
      'a head that computes something else',
      withModels((model) => ({
        split: (layers, also) => {
          const { head, tail } = model.split(layers, also);
          return {
            head: head?.rewrite({
              layers: [
                {
                  layer: 'fc1',
                  weights: { ...model.weights('fc1'), data: model.weights('fc1').data.map((v) => 2 * v) },
                  bias: model.bias('fc1') ?? null,
                  input: null,
                },
              ],
              features: [],
            }),
            tail,
          };
        },
      })),
      /splits/,
    ],
    [
      'an unread error',
      (format) => ({
        ...format,
        read: async (source) => {
          if (source === 'b.chain') throw new TypeError('undefined is not a function');
          return format.read(source);
        },
      }),
      /explains what is no model/,
    ],
    [
      'a wrong number of bytes',
      withModels((model) => ({ write: async (target) => (await model.write(target)) + 1 })),
      /writes/,
    ],
    [
      'a written model that differs',
      (format) => ({
        ...format,
        read: (source) => format.read(source === 'c.chain' ? 'a.chain' : source),
      }),
      /writes a rewritten model/,
    ],
  ])('%s', async (_, wrap, failing) => {
    expect(await firstFailure(formatContract(threeLayers(), 6, wrap))).toMatch(failing);
  });
});

describe('the model format contract notices a wrong sum', () => {
  const effects = (as: (operation: FlowOperation) => FlowOperation) =>
    withModels(({ graph }) => ({ graph: { ...graph, operations: graph.operations.map(as) } }));

  test.each<readonly [string, (format: ModelFormat) => ModelFormat, RegExp]>([
    [
      'through an activation that is called linear',
      effects((operation) =>
        operation.label === 'relu' ? { ...operation, effect: { type: 'linear' } } : operation,
      ),
      /clusters .*fold/,
    ],
    [
      'through a constant that is called a mere function',
      effects((operation) =>
        operation.name === 'add' ? { ...operation, effect: { type: 'linear' } } : operation,
      ),
      /fold/,
    ],
    [
      'of constants without their factors',
      withModels((model) => ({
        rewrite: ({ layers, features }) =>
          model.rewrite({
            layers,
            features: features.map((change) => (change.sums ? { ...change, scales: null } : change)),
          }),
      })),
      /clusters .*fold/,
    ],
    [
      'that is done again before the layer',
      withModels((model) => ({
        rewrite: ({ layers, features }) => {
          const groups = (columns: number) => [{ size: 1, count: columns }];
          const again = layers.map((layer) => ({
            ...layer,
            input: layer.input ?? { gather: null, multiply: null, groups: groups(layer.weights.cols) },
          }));
          return model.rewrite({ layers: again, features });
        },
      })),
      /leaves nothing of a sum/,
    ],
  ])('%s', async (_, wrap, failing) => {
    expect(await firstFailure(formatContract(linearLayers(), 6, wrap))).toMatch(failing);
  });
});

describe('the model format contract notices a wrong rewrite that is accepted', () => {
  /** The memory format, which takes what it should refuse with a message of this kind. */
  const accepting = (message: RegExp, instead: (model: Model, error: Error) => Model) =>
    withModels((model) => ({
      rewrite: (change) => {
        try {
          return model.rewrite(change);
        } catch (error) {
          if (error instanceof Error && message.test(error.message)) return instead(model, error);
          throw error;
        }
      },
    }));

  type Kind = readonly [message: RegExp, failing: string, of?: () => readonly Operation[]];
  const kinds: readonly Kind[] = [
    [/fc1 is rewritten twice/, 'the same layer twice'],
    [/no fully connected layer is called/, 'an unknown layer'],
    [/no operation is called fc1/, 'an unknown operation'],
    [/no operation is called norm/, 'a name that only begins as an operation'],
    [/no parameters per feature/, 'an operation without parameters per feature'],
    [/norm is rewritten twice/, 'the same operation twice'],
    [/values for weights/, 'values that do not fill their shape'],
    [/the weights must be finite/, 'a weight that is no number'],
    [/6 features but weights of 10 columns/, 'rows and columns exchanged'],
    [/6 features but weights of 7 columns/, 'a column too many'],
    [/9 features reach its 10 columns/, 'an output less than what reads them'],
    [/no outputs/, 'no outputs'],
    [/9 bias values/, 'a bias that is too short'],
    [/11 bias values/, 'a bias that is too long'],
    [/it has a bias/, 'a bias that is left out'],
    [/the bias must be finite/, 'a bias that is not finite'],
    [/5 positions but groups of 6/, 'a gather that is too short'],
    [/gather takes feature 0 twice/, 'a gather that is too long'],
    [/gather takes feature 6 of 6/, 'a position behind the columns'],
    [/gather takes feature -1/, 'a position before the columns'],
    [/gather takes feature 1 twice/, 'a column that is picked twice'],
    [/5 factors for 6 positions/, 'a factor too few'],
    [/7 factors for 6 positions/, 'a factor too many'],
    [/fc1: the factors must be finite/, 'a factor that is no number'],
    [/: 0 clusters/, 'no clusters'],
    [/a size and a count/, 'clusters without members'],
    [/5 clusters but weights of 6/, 'a cluster less than the columns of the weights'],
    [/6 positions but groups of 12/, 'clusters of more columns than there are'],
    [/order takes feature 12 of 12/, 'a feature behind the last'],
    [/order takes feature -1/, 'a feature before the first'],
    [/order takes feature 1 twice/, 'a feature that is taken twice'],
    [/it has to follow the order/, 'features that nothing reads in their order'],
    [/parameters of 11 features for 12/, 'a feature less than what reads them'],
    [/11 factors for 12 features/, 'a factor too few for the features'],
    [/affine norm: the factors must be finite/, 'a factor of a feature that is no number'],
    [/norm has parameters that cannot be added up/, 'a sum of parameters that do not add up'],
    [/10 positions but groups of 9/, 'a sum of less features than there are', linearLayers],
    [/parameters of 1 features for 10/, 'a sum that the layer behind it does not read', linearLayers],
    [/not all is linear before fc3/, 'a sum before something that is not linear', linearLayers],
  ];

  test('of every kind', () => {
    expect(kinds.map(([, what]) => what)).toEqual(WRONG_REWRITES.map(({ what }) => what));
  });

  for (const [message, what, of = threeLayers] of kinds) {
    test(what, async () => {
      const lenient = accepting(message, (model) => model);
      expect(await firstFailure(formatContract(of(), 6, lenient))).toBe(`refuses a rewrite with ${what}`);
    });
  }

  test('or that fails with anything but an InputError', async () => {
    const failing = accepting(/no operation is called fc1/, (_, { message }) => {
      throw new TypeError(message);
    });
    const first = await firstFailure(formatContract(threeLayers(), 6, failing));
    expect(first).toBe('refuses a rewrite with an unknown operation');
  });

  test('or a bias that is dropped', async () => {
    const layers = [{ ...fc('fc', 3, 2, 1), bias: undefined }];
    const dropping = withModels((model) => ({
      rewrite: (change) => {
        model.rewrite(change);
        return model.rewrite({ ...change, layers: change.layers.map((layer) => ({ ...layer, bias: null })) });
      },
    }));
    expect(await firstFailure(formatContract(layers, 2))).toBeUndefined();
    expect(await firstFailure(formatContract(layers, 2, dropping))).toMatch(/without one/);
  });
});

/** The name of the first check that fails. */
async function firstFailure(checks: readonly ContractCheck[]): Promise<string | undefined> {
  for (const { name, run } of checks) {
    try {
      await run();
    } catch {
      return name;
    }
  }
  return undefined;
}
