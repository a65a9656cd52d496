/**
 * Every class of the table of LayersModels, and every activation, between two fully connected layers: the rewritten model computes what
 * the original did, its shapes are those that TensorFlow.js makes, and whatever treats all features alike lets their order through.
 */
import {
  type CompressedLayer,
  denseMatrix,
  type Model,
  planFold,
  planRewrite,
  type Tensor,
} from '@spherize/core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from 'vitest';
import { ACTIVATIONS } from '../../src/layers-model/classes/activations.js';
import { LAYER_CLASSES } from '../../src/layers-model/classes/class-table.js';
import { randomValues } from '../build-graph-model.js';
import { tf, tfl } from '../build-layers-model.js';
import { between, build, CASES, input, isClose, run, SAMPLES, tensor, UNREGISTERED } from './case-models.js';
import { type Case, casesOf, FEATURES, UNTRIED } from './class-cases.js';

const OUTPUTS = 3;
type Assign = (column: number, columns: number) => number;
/** As many clusters as columns, and clusters that lose nothing; −1 for a column of zeros. */
const CLUSTERINGS: Readonly<Record<string, Assign>> = {
  'k = n': (column) => column,
  'clusters of equal directions': (column, columns) =>
    column === columns - 1 ? -1 : [0, 1, 0, 2, 2, 1, 1, 3][column % 8]! + 4 * Math.floor(column / 8),
};
function clustering(assign: Assign, columns: number): CompressedLayer {
  const assignment = Int32Array.from({ length: columns }, (_, column) => assign(column, columns));
  const k = Math.max(...assignment) + 1;
  return {
    assignment,
    scales: randomValues(columns, 21).map((value) => 0.5 + Math.abs(value)),
    centroids: denseMatrix(OUTPUTS, k, randomValues(OUTPUTS * k, 22)),
  };
}
/** `s_j · c_a(j)`, shape `[columns, OUTPUTS]`. */
function weightsOf({ assignment, scales, centroids: { data, cols } }: CompressedLayer): Float32Array {
  return Float32Array.from({ length: assignment.length * OUTPUTS }, (_, i) => {
    const [column, row] = [Math.floor(i / OUTPUTS), i % OUTPUTS];
    const cluster = assignment[column]!;
    return cluster < 0 ? 0 : scales[column]! * data[row * cols + cluster]!;
  });
}

const clustered = (own: Case, clusters: Assign): Promise<Model> =>
  build(between(own, OUTPUTS), (built) => {
    const target = built.getLayer('target');
    const [kernel, bias] = target.getWeights();
    const columns = kernel!.shape[0]!;
    const values = weightsOf(clustering(clusters, columns));
    target.setWeights([tf.tensor(values, [columns, OUTPUTS]), bias!]);
  });
const alone = once(({ sizes, layers }: Case) => build([input('h', sizes, FEATURES), ...layers]));
/** With as many clusters as columns. */
const plain = once((own: Case) => clustered(own, CLUSTERINGS['k = n']!));

function once(make: (own: Case) => Promise<Model>): (own: Case) => Promise<Model> {
  const made = new Map<Case, Promise<Model>>();
  return (own) => {
    if (!made.has(own)) made.set(own, make(own));
    return made.get(own)!;
  };
}

test('every class and activation that TensorFlow.js loads is in the table, once', () => {
  const registered = Object.values(tf.serialization.SerializationMap.getMap().classNameMap).map(
    ([own]) => own,
  );
  const names = (base: { readonly prototype: object }) =>
    registered
      .filter((own) => Object.prototype.isPrototypeOf.call(base.prototype, own.prototype))
      .map(({ className }) => className);
  const classes = [...names(tfl.layers.Layer), ...names(tfl.LayersModel)];
  expect(LAYER_CLASSES.map(({ name }) => name).sort()).toEqual([...new Set(classes)].sort());
  const relu = registered.find(({ className }) => className === 'relu')!;
  const activations = [...names(Object.getPrototypeOf(relu)), ...Object.keys(UNREGISTERED)];
  const known = ACTIVATIONS.flatMap(({ name }) => (name === 'geluNew' ? ['gelu_new', name] : [name]));
  expect(known.sort()).toEqual(activations.sort());
});

test('every class has a case, or a reason why it cannot stand between two layers', () => {
  const bare = LAYER_CLASSES.filter((known) => Object.keys(casesOf(known)).length === 0);
  expect(bare.filter(({ name, apart }) => !apart && !(name in UNTRIED))).toEqual([]);
});

describe('rewritten layers compute the same', () => {
  test.each(CASES)('%s', async (what, own) => {
    const x = tensor([SAMPLES, ...own.sizes, 6], 3);
    for (const [name, assign] of Object.entries(CLUSTERINGS)) {
      const model = name === 'k = n' ? await plain(own) : await clustered(own, assign);
      const { inputs } = model.layers.find(({ name }) => name === 'target')!;
      const { rewrite } = planRewrite(model, new Map([['target', clustering(assign, inputs)]]));
      const expected = await run(model, x, what);
      expect(expected.data.every(Number.isFinite)).toBe(true);
      expect(isClose(await run(model.rewrite(rewrite), x, what), expected)).toBe(true);
    }
  });
});

describe('shapes are those that TensorFlow.js makes', () => {
  test.each(CASES)('%s', async (_, own) => {
    const model = await alone(own);
    const { shape } = await run(model, tensor([SAMPLES, ...own.sizes, FEATURES], 9));
    expect(model.outputs[0]!.shape.map((size) => size ?? SAMPLES)).toEqual(shape);
  });
});

interface Observation {
  readonly alike: boolean;
  readonly homogeneous: boolean;
  readonly linear: boolean;
}

/** What an experiment shows: whether each feature is computed from itself alone, all alike, and factors and sums pass. */
async function observed(own: Case): Promise<Observation> {
  const model = await alone(own);
  const h = tensor([SAMPLES, ...own.sizes, FEATURES], 9, 3);
  const changed = ({ shape, data }: Tensor, value: (row: number, feature: number) => number): Tensor => ({
    shape,
    data: Float32Array.from(data, (_, i) => value(i - (i % FEATURES), i % FEATURES)),
  });
  const y = (value: (row: number, feature: number) => number) => run(model, changed(h, value));
  const made = await run(model, h);
  if (made.shape.at(-1) !== FEATURES) return { alike: false, homogeneous: false, linear: false };
  const order = [3, 7, 1, 0, 5, 2, 6, 4];
  const moved = await y((row, j) => h.data[row + order[j]!]!);
  const nudged = await y((row, j) => h.data[row + j]! + (j === 0 ? 0.9 : 0));
  const factors = randomValues(FEATURES, 5).map((value) => 0.5 + Math.abs(value));
  const scaled = await y((row, j) => h.data[row + j]! * factors[j]!);
  const other = tensor(h.shape, 17);
  const added = await run(model, other);
  const sum = await run(model, { ...h, data: Float32Array.from(h.data, (v, i) => v + other.data[i]!) });
  const others = (of: Tensor) => changed(of, (row, j) => (j === 0 ? 0 : of.data[row + j]!));
  const followed = changed(made, (row, j) => made.data[row + order[j]!]!);
  return {
    alike: isClose(followed, moved) && isClose(others(made), others(nudged)),
    // Of what no factor changes, nothing is seen.
    homogeneous:
      !isClose(made, scaled) &&
      isClose(
        changed(made, (row, j) => made.data[row + j]! * factors[j]!),
        scaled,
      ),
    linear:
      !isClose(made, sum) &&
      isClose({ ...made, data: Float32Array.from(made.data, (v, i) => v + added.data[i]!) }, sum),
  };
}

/** What treats features alike and is left alone, with the reason. */
const INSIDE = 'layers inside are not followed';
const NOT_FOLLOWED: Readonly<Record<string, string>> = {
  'BatchNormalization of features on another axis': 'the wasm backend takes the last axis',
  'PReLU a slope per step': 'the wasm backend takes the last axis',
  'Masking another value': 'without some features others steps may equal it',
  'Reshape pairs of features': 'an axis that is split is not followed',
  'Conv2D channels-first': 'windows one place wide leave apart what is no channel',
  'Model one layer': INSIDE,
  'Functional one layer': INSIDE,
  'Sequential one layer': INSIDE,
};

describe('what treats all features alike lets their order through, and their factors and sums where it may', () => {
  test.each(CASES.filter(([what]) => !(what in NOT_FOLLOWED)))('%s', async (_, own) => {
    const model = await plain(own);
    const { input: read, inputs } = model.layers.find(({ name }) => name === 'target')!;
    const { reason, orderInto, scaleInto, sumInto } = planFold(model.graph, read, inputs);
    const { alike, homogeneous, linear } = await observed(own);
    expect([reason, alike && orderInto === null]).toEqual([reason, false]);
    expect([reason, alike && homogeneous && scaleInto === null]).toEqual([reason, false]);
    expect([reason, alike && homogeneous && linear && sumInto === null]).toEqual([reason, false]);
  });
});

test('where factors and order go, for every case', async () => {
  const rows: string[] = [];
  for (const [what, own] of CASES) {
    const model = await plain(own);
    const { input: read, inputs } = model.layers.find(({ name }) => name === 'target')!;
    const { scaleInto, orderInto, reason } = planFold(model.graph, read, inputs);
    rows.push(`${what}\n  factors: ${scaleInto ?? '–'}, order: ${orderInto ?? '–'}\n  ${reason}\n`);
  }
  await expect(rows.join('')).toMatchFileSnapshot('folds.txt');
});
