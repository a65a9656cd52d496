/**
 * Every operation of the table of graph models between two fully connected layers: the rewritten model computes what the original did,
 * and whatever treats all features alike lets their order through.
 */
import {
  type CompressedLayer,
  denseMatrix,
  type Model,
  planFold,
  planRewrite,
  type Tensor,
} from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { OPERATIONS } from '../src/graph-model/operations/operation-table.js';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder, randomValues } from './build-graph-model.js';
import { CASES, type Case, FEATURES, SAMPLES, UNTRIED } from './operation-cases.js';

/** Sums in another order, behind functions that make a small difference larger. */
const TOLERANCE = 1e-4;

/** W of two clusterings, `s_j · c_a(j)`. */
const CLUSTERINGS: Readonly<Record<string, CompressedLayer>> = {
  'k = n': clustering([0, 1, 2, 3, 4, 5, 6, 7]),
  'clusters of equal directions': clustering([0, 1, 0, 2, -1, 1, 1, 3]),
};
function clustering(assignment: readonly number[]): CompressedLayer {
  const k = Math.max(...assignment) + 1;
  return {
    assignment: Int32Array.from(assignment),
    scales: randomValues(assignment.length, 21).map((value) => 0.5 + Math.abs(value)),
    centroids: denseMatrix(3, k, randomValues(3 * k, 22)),
  };
}
function weightsOf({ assignment, scales, centroids }: CompressedLayer): Float32Array {
  const { rows, cols, data } = centroids;
  return Float32Array.from({ length: rows * FEATURES }, (_, i) => {
    const [column, row] = [Math.floor(i / rows), i % rows];
    const cluster = assignment[column]!;
    return cluster < 0 ? 0 : scales[column]! * data[row * cols + cluster]!;
  });
}

function between(add: Case, clusters: CompressedLayer): Promise<Model> {
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 6]);
  const product = b.node('MatMul', 'before/MatMul', [
    x,
    b.weight('before/weight', [6, FEATURES], randomValues(48, 1)),
  ]);
  const h = b.node('BiasAdd', 'before/BiasAdd', [
    product,
    b.weight('before/bias', [FEATURES], randomValues(8, 2)),
  ]);
  const target = b.weight('target/weight', [FEATURES, 3], weightsOf(clusters));
  const y = b.node('MatMul', 'y', [add(b, h), target]);
  return tfjsModel(b.output(y, [undefined, 3]).build());
}
function alone(add: Case): Promise<Model> {
  const b = new GraphBuilder();
  const y = b.node('Identity', 'y', [add(b, b.input('h', [undefined, FEATURES]))]);
  return tfjsModel(b.output(y, [undefined, FEATURES]).build());
}
async function run(model: Model, inputs: Record<string, Tensor>): Promise<Float32Array> {
  const session = await model.session();
  try {
    return Float32Array.from((await session.run(inputs)).y!.data);
  } finally {
    await session.release();
  }
}
function isClose(actual: Float32Array, expected: Float32Array): boolean {
  const largest = Math.max(1e-6, ...[...expected].map(Math.abs));
  return (
    actual.length === expected.length &&
    expected.every((value, i) => Math.abs(value - actual[i]!) <= TOLERANCE * largest)
  );
}

test('every operation has a case, or a reason', () => {
  const tried = new Set(CASES.map(([, { name }]) => name));
  expect(
    OPERATIONS.filter(({ name, apart }) => !tried.has(name) && apart === undefined && !(name in UNTRIED)),
  ).toEqual([]);
  expect(new Set(OPERATIONS.map(({ name }) => name)).size).toBe(OPERATIONS.length);
});

describe('rewritten layers compute the same', () => {
  test.each(CASES)('%s', async (_, __, add) => {
    const x: Tensor = { shape: [SAMPLES, 6], data: randomValues(6 * SAMPLES, 3) };
    for (const clusters of Object.values(CLUSTERINGS)) {
      const model = await between(add, clusters);
      const { rewrite } = planRewrite(model, new Map([['target', clusters]]));
      const expected = await run(model, { x });
      expect(expected.every(Number.isFinite)).toBe(true);
      expect(isClose(await run(model.rewrite(rewrite), { x }), expected)).toBe(true);
    }
  });
});

/** What treats features alike and is left alone, with the reason. */
const LAYOUT = 'without shapes it is not known where features lie behind a new layout';
const NOT_FOLLOWED: Readonly<Record<string, string>> = {
  'MaxPool of channels': LAYOUT,
  'AvgPool of channels': LAYOUT,
  'Mean of one place': LAYOUT,
  'Max of one place': LAYOUT,
  'Min of one place': LAYOUT,
  'Sum of one place': LAYOUT,
  'Prod of one place': LAYOUT,
  'Squeeze an axis more and less': LAYOUT,
  'Reshape an axis more and less': LAYOUT,
  'Transpose there and back': LAYOUT,
  'Select its own condition': 'its condition is a tensor of its own',
  'SelectV2 its own condition': 'its condition is a tensor of its own',
  'ConcatV2 with itself': 'what it repeats along other axes is not followed',
};

describe('what treats all features alike lets their order through, and their sums where it is linear', () => {
  test.each(CASES.filter(([what]) => !(what in NOT_FOLLOWED) && !what.endsWith('with another tensor')))(
    '%s',
    async (_, __, add) => {
      const model = await between(add, CLUSTERINGS['k = n']!);
      const { input } = model.layers.find(({ name }) => name === 'target')!;
      const { reason, orderInto, sumInto } = planFold(model.graph, input, FEATURES);
      const single = await alone(add);
      const data = randomValues(FEATURES * SAMPLES, 9).map((value) => 3 * value);
      const y = (change: (row: number, feature: number) => number) =>
        run(single, {
          h: {
            shape: [SAMPLES, FEATURES],
            data: data.map((_, i) => change(i - (i % FEATURES), i % FEATURES)),
          },
        });
      const order = [3, 7, 1, 0, 5, 2, 6, 4];
      const plain = await y((row, j) => data[row + j]!);
      const moved = await y((row, j) => data[row + order[j]!]!);
      const nudged = await y((row, j) => data[row + j]! + (j === 0 ? 0.9 : 0));
      const followed = plain.map((_, i) => plain[i - (i % FEATURES) + order[i % FEATURES]!]!);
      const others = (values: Float32Array) => values.map((value, i) => (i % FEATURES === 0 ? 0 : value));
      const alike = isClose(moved, followed) && isClose(others(nudged), others(plain));
      expect([reason, alike && orderInto === null]).toEqual([reason, false]);
      const own = randomValues(FEATURES * SAMPLES, 17);
      const factors = randomValues(FEATURES, 5);
      const added = await y((row, j) => own[row + j]!);
      const sum = await y((row, j) => data[row + j]! + own[row + j]!);
      const scaled = await y((row, j) => data[row + j]! * factors[j]!);
      const linear =
        isClose(
          plain.map((value, i) => value + added[i]!),
          sum,
        ) &&
        isClose(
          plain.map((value, i) => value * factors[i % FEATURES]!),
          scaled,
        ) &&
        !isClose(plain, sum);
      expect([reason, alike && linear && sumInto === null]).toEqual([reason, false]);
    },
  );
});

test('where factors and order go, for every case', async () => {
  const rows: string[] = [];
  for (const [what, , add] of CASES) {
    const model = await between(add, CLUSTERINGS['k = n']!);
    const { input } = model.layers.find(({ name }) => name === 'target')!;
    const { scaleInto, orderInto, reason } = planFold(model.graph, input, FEATURES);
    const names = new Map<string, string>();
    // The names of nodes count on from case to case.
    const plain = reason.replace(/\w+_\d+/g, (name) => {
      if (!names.has(name)) names.set(name, `${name.replace(/\d+$/, '')}${names.size + 1}`);
      return names.get(name)!;
    });
    const into = (place: string | null) => (place === null ? '–' : (names.get(place) ?? place));
    rows.push(`${what}\n  factors: ${into(scaleInto)}, order: ${into(orderInto)}\n  ${plain}\n`);
  }
  await expect(rows.join('')).toMatchFileSnapshot('graph-folds.txt');
});
