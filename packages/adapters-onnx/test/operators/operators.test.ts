/**
 * Every operator of the table between two fully connected layers: the rewritten model computes what the original did, and whatever
 * treats all features alike lets their order through.
 */
import { planFold, type Tensor } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import type { Operator } from '../../src/graph/operators/operator.js';
import { OPERATORS } from '../../src/graph/operators/operator-table.js';
import { onnxModel } from '../../src/node.js';
import { ModelBuilder, randomValues } from '../build-model.js';
import { type Clustering, clusteredWeights, clustering, compressExactly } from '../clustered-rewrite.js';
import { foldRow } from '../reasons/fold-row.js';
import { expectClose, run } from '../running.js';
import { type Case, casesOf, SHAPE, UNTRIED } from './operator-cases.js';

/** Sums in another order, behind functions that make a small difference larger. */
const TOLERANCE = 1e-4;
/** Half precision behind other factors rounds otherwise. */
const HALF = 2e-3;
const FEATURES = SHAPE[2];
const x: Tensor = { shape: [2, 4, 6], data: randomValues(48, 3) };

/** As many clusters as columns, and clusters that lose nothing. */
const CLUSTERINGS: Record<string, Clustering> = {
  'k = n': clustering(3, [0, 1, 2, 3, 4, 5, 6, 7], 11),
  'clusters of equal directions': clustering(3, [0, 1, 0, 2, -1, 1, 1, 3], 4),
};

const KEY = ({ domain, name }: Operator): string => (domain === '' ? name : `${domain}.${name}`);
const CASES = OPERATORS.flatMap((operator) =>
  Object.entries(operator.apart === undefined ? casesOf(operator) : {}).map(
    ([what, add]) => [`${KEY(operator)} ${what}`, operator, add] as const,
  ),
);

/** The oldest operator set with the operator's form in it that other nodes of the cases know. */
function builder({ domain, name, since }: Operator): ModelBuilder {
  // Two that later sets no longer have.
  if (name === 'Scatter' || name === 'Upsample') return new ModelBuilder(9, 8);
  return new ModelBuilder(Math.max(domain === '' ? since : 1, 17), 8);
}

function between(operator: Operator, add: Case, clusters: Clustering): Uint8Array {
  const b = builder(operator);
  const input = b.input('x', x.shape);
  const product = b.node('MatMul', [input, b.weight('before.weight', [6, FEATURES], randomValues(48, 1))]);
  const h = b.node('Add', [product, b.weight('before.bias', [FEATURES], randomValues(8, 2))], {}, ['h']);
  const target = b.weight('target.weight', [3, FEATURES], clusteredWeights(clusters).data);
  const result = add(b, h);
  b.node('MatMul', [result, b.node('Transpose', [target], { perm: [1, 0] })], {}, ['y']);
  return b.output('y').build();
}

/** The operator alone, from features to features. */
function alone(operator: Operator, add: Case): Uint8Array {
  const b = builder(operator);
  b.node('Identity', [add(b, b.input('h', SHAPE))], {}, ['y']);
  return b.output('y').build();
}

test('every operator has a case, or a reason why it cannot stand between two layers', () => {
  const bare = OPERATORS.filter(
    (operator) => operator.apart === undefined && Object.keys(casesOf(operator)).length === 0,
  ).map(KEY);
  expect(bare.filter((key) => UNTRIED[key.replace('com.microsoft.', '')] === undefined)).toEqual([]);
  expect(Object.keys(UNTRIED).every((name) => bare.includes(`com.microsoft.${name}`))).toBe(true);
  for (const { apart } of OPERATORS) expect(apart).not.toBe('');
});

test('every operator is in the table once', () => {
  expect(new Set(OPERATORS.map(KEY)).size).toBe(OPERATORS.length);
});

describe('rewritten layers compute the same', () => {
  test.each(CASES)('%s', async (_, operator, add) => {
    for (const clusters of Object.values(CLUSTERINGS)) {
      const model = onnxModel(between(operator, add, clusters));
      const { model: smaller } = compressExactly(model, 'target', clusters);
      const [expected, actual] = [await run(model, { x }), await run(smaller, { x })];
      expect(expected.y!.data.every(Number.isFinite)).toBe(true);
      expectClose(actual.y, expected.y, operator.name === 'Cast' ? HALF : TOLERANCE);
    }
  });
});

/** Values with the features in another order, or changed one by one. */
function changed({ shape, data }: Tensor, value: (row: number, feature: number) => number): Tensor {
  return { shape, data: data.map((_, i) => value(i - (i % FEATURES), i % FEATURES)) };
}
function isClose(a: Tensor, b: Tensor): boolean {
  const largest = Math.max(1e-6, ...[...a.data].map(Math.abs));
  return a.data.every((value, i) => Math.abs(value - b.data[i]!) <= TOLERANCE * largest);
}

interface Observation {
  readonly alike: boolean;
  readonly homogeneous: boolean;
  readonly linear: boolean;
}

/** What an experiment shows: whether each feature is computed from itself alone, all alike, and factors and sums pass. */
async function observed(operator: Operator, add: Case): Promise<Observation> {
  const model = onnxModel(alone(operator, add));
  const h: Tensor = { shape: [...SHAPE], data: randomValues(64, 9).map((value) => 3 * value) };
  const y = async (input: Tensor) => (await run(model, { h: input })).y!;
  const plain = await y(h);
  if (plain.data.length % FEATURES !== 0) return { alike: false, homogeneous: false, linear: false };
  const order = [3, 7, 1, 0, 5, 2, 6, 4];
  const moved = await y(changed(h, (row, j) => h.data[row + order[j]!]!));
  const nudged = await y(changed(h, (row, j) => h.data[row + j]! + (j === 0 ? 0.9 : 0)));
  const factors = randomValues(FEATURES, 5).map((value) => 0.5 + Math.abs(value));
  const scaled = await y(changed(h, (row, j) => h.data[row + j]! * factors[j]!));
  const u = randomValues(64, 17);
  const [added, sum] = [await y({ ...h, data: u }), await y({ ...h, data: h.data.map((v, i) => v + u[i]!) })];
  const others = (tensor: Tensor) => changed(tensor, (row, j) => (j === 0 ? 0 : tensor.data[row + j]!));
  return {
    alike:
      isClose(
        changed(plain, (row, j) => plain.data[row + order[j]!]!),
        moved,
      ) && isClose(others(plain), others(nudged)),
    // Of what no factor changes, nothing is seen.
    homogeneous:
      !isClose(plain, scaled) &&
      isClose(
        changed(plain, (row, j) => plain.data[row + j]! * factors[j]!),
        scaled,
      ),
    linear:
      !isClose(plain, sum) &&
      isClose({ ...plain, data: plain.data.map((value, i) => value + added.data[i]!) }, sum),
  };
}

/** Operators and cases that treat features alike and are left alone, with the reason. */
const ALONG_OTHER_AXES = 'what it picks, repeats or moves along other axes is not followed';
const NOT_FOLLOWED: Readonly<Record<string, string>> = {
  ArgMax: ALONG_OTHER_AXES,
  ArgMin: ALONG_OTHER_AXES,
  'Concat with itself': ALONG_OTHER_AXES,
  'Slice some tokens': ALONG_OTHER_AXES,
  'Split into tokens': ALONG_OTHER_AXES,
  'Compress some samples': ALONG_OTHER_AXES,
  'CenterCropPad some tokens': ALONG_OTHER_AXES,
  'GatherND one sample': ALONG_OTHER_AXES,
  'ReverseSequence tokens': ALONG_OTHER_AXES,
  'Expand to more samples': ALONG_OTHER_AXES,
  'Tile tokens': ALONG_OTHER_AXES,
  'TensorScatter onto itself': ALONG_OTHER_AXES,
  'Reshape an axis more': 'the target has no single place that takes the number of features',
  'Col2Im blocks': 'only blocks of one value leave features apart',
  'SpaceToDepth channels': 'it may merge features elsewhere',
  'Where its own condition': 'its condition is a tensor of its own',
  'If both': 'graphs inside are not followed',
  'Loop once': 'graphs inside are not followed',
  'Scan tokens': 'graphs inside are not followed',
};

describe('what treats all features alike lets their order through, and their factors and sums where it may', () => {
  test.each(
    CASES.filter(
      ([what, operator]) =>
        !(what in NOT_FOLLOWED) && !(KEY(operator) in NOT_FOLLOWED) && !what.endsWith('with another tensor'),
    ),
  )('%s', async (_, operator, add) => {
    const model = onnxModel(between(operator, add, CLUSTERINGS['k = n']!));
    const { input } = model.layers.find(({ name }) => name === 'target')!;
    const plan = planFold(model.graph, input, FEATURES);
    const { alike, homogeneous, linear } = await observed(operator, add);
    expect([plan.reason, alike && plan.orderInto === null]).toEqual([plan.reason, false]);
    expect([plan.reason, alike && homogeneous && plan.scaleInto === null]).toEqual([plan.reason, false]);
    expect([plan.reason, alike && homogeneous && linear && plan.sumInto === null]).toEqual([
      plan.reason,
      false,
    ]);
  });
});

test('where factors and order go, for every case', async () => {
  const rows: string[] = [];
  for (const [what, operator, add] of CASES) {
    const { graph, layers } = onnxModel(between(operator, add, CLUSTERINGS['k = n']!));
    rows.push(foldRow(what, planFold(graph, layers.find(({ name }) => name === 'target')!.input, FEATURES)));
  }
  await expect(rows.join('')).toMatchFileSnapshot('folds.txt');
});
