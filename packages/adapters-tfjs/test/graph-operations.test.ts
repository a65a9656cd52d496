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
import type { Operation } from '../src/graph-model/operations/operation.js';
import { OPERATIONS } from '../src/graph-model/operations/operation-table.js';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder, randomValues } from './build-graph-model.js';

const SAMPLES = 4;
const FEATURES = 8;
/** Sums in another order, behind functions that make a small difference larger. */
const TOLERANCE = 1e-4;

/** Adds the operation behind `h`, shape `[SAMPLES, FEATURES]`, and returns a tensor of floats of the same columns. */
type Case = (b: GraphBuilder, h: string) => string;

const nhwc = { data_format: { s: btoa('NHWC') } };
const window = { strides: { list: { i: ['1', '1', '1', '1'] } }, padding: { s: btoa('SAME') } };
const dilations = { dilations: { list: { i: ['1', '1', '1', '1'] } } };

let count = 0;
const fresh = (stem: string) => `${stem}_${++count}`;
function constant(b: GraphBuilder, shape: readonly number[]): string {
  const size = shape.reduce((product, length) => product * length, 1);
  return b.weight(
    fresh('constant'),
    shape,
    randomValues(size, ++count).map((value) => 0.5 + Math.abs(value)),
  );
}
function integers(b: GraphBuilder, values: readonly number[], scalar = false): string {
  return b.integers(fresh('integers'), values, scalar);
}
function cast(b: GraphBuilder, x: string, from: string, to: string): string {
  return b.node('Cast', fresh('cast'), [x], { SrcT: { type: from }, DstT: { type: to } });
}
function image(b: GraphBuilder, h: string, op: (x: string) => string): string {
  const x = b.node('Reshape', fresh('image'), [h, integers(b, [-1, 1, 1, FEATURES])]);
  return b.node('Reshape', fresh('flat'), [op(x), integers(b, [-1, FEATURES])]);
}
const truths = (b: GraphBuilder, h: string) => b.node('Greater', fresh('greater'), [h, constant(b, [])]);

const BOOLEAN = /^(?:Is|Logical|Equal|NotEqual|Greater|Less)/;
/** Keeps what a function reads inside its domain. */
const DOMAINS: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    ['Log', 'Log1p', 'Sqrt', 'Rsqrt', 'Reciprocal', 'Pow'].map((name): [string, Case] => [
      name,
      (b, h) => b.node('Softplus', fresh('softplus'), [h]),
    ]),
  ),
  Acosh: (b, h) => b.node('Exp', fresh('exp'), [b.node('Softplus', fresh('softplus'), [h])]),
  Asin: (b, h) => b.node('Tanh', fresh('tanh'), [h]),
  Acos: (b, h) => b.node('Tanh', fresh('tanh'), [h]),
  Atanh: (b, h) => b.node('Sigmoid', fresh('sigmoid'), [h]),
  Tan: (b, h) => b.node('Tanh', fresh('tanh'), [h]),
  LogicalNot: truths,
  LogicalAnd: truths,
  LogicalOr: truths,
};

function derived({ name, parameters }: Operation): Record<string, Case> {
  const node = (b: GraphBuilder, input: string[]) => {
    const made = b.node(name, fresh('tried'), input, name === 'LeakyRelu' ? { alpha: { f: 0.1 } } : {});
    return BOOLEAN.test(name) ? cast(b, made, 'DT_BOOL', 'DT_FLOAT') : made;
  };
  const prepared: Case = (b, h) => DOMAINS[name]?.(b, h) ?? h;
  if (parameters[0]?.slot !== 'constant') return { alone: (b, h) => node(b, [prepared(b, h)]) };
  const twice: Case = (b, h) => {
    const x = prepared(b, h);
    return node(b, [x, x]);
  };
  if (name.startsWith('Logical')) return { 'with another tensor': twice };
  return {
    'with one value': (b, h) => node(b, [prepared(b, h), constant(b, [])]),
    'with one value before it': (b, h) => node(b, [constant(b, []), prepared(b, h)]),
    'with one value per feature': (b, h) => node(b, [prepared(b, h), constant(b, [FEATURES])]),
    'with one value per feature before it': (b, h) => node(b, [constant(b, [1, FEATURES]), prepared(b, h)]),
    'with another tensor': twice,
  };
}

const OWN: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  ClipByValue: {
    'two bounds': (b, h) =>
      b.node('ClipByValue', fresh('clip'), [
        h,
        b.weight(fresh('least'), [], Float32Array.of(-0.5)),
        b.weight(fresh('most'), [], Float32Array.of(0.5)),
      ]),
  },
  Cast: { 'to whole numbers': (b, h) => cast(b, cast(b, h, 'DT_FLOAT', 'DT_INT32'), 'DT_INT32', 'DT_FLOAT') },
  BiasAdd: {
    'one value per feature': (b, h) => b.node('BiasAdd', fresh('bias'), [h, constant(b, [FEATURES])]),
  },
  AddN: { 'with another tensor': (b, h) => b.node('AddN', fresh('sum'), [h, h], { N: { i: '2' } }) },
  Select: { 'its own condition': (b, h) => b.node('Select', fresh('select'), [truths(b, h), h, h]) },
  SelectV2: { 'its own condition': (b, h) => b.node('SelectV2', fresh('select'), [truths(b, h), h, h]) },
  Prelu: { 'a slope per feature': (b, h) => b.node('Prelu', fresh('prelu'), [h, constant(b, [FEATURES])]) },
  ...Object.fromEntries(
    ['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'].map((name): [string, Record<string, Case>] => [
      name,
      {
        'of channels': (b, h) =>
          image(b, h, (x) =>
            b.node(name, fresh('norm'), [x, ...[1, 2, 3, 4].map(() => constant(b, [FEATURES]))], {
              ...nhwc,
              epsilon: { f: 1e-3 },
            }),
          ),
      },
    ]),
  ),
  LRN: {
    'of channels': (b, h) =>
      image(b, h, (x) =>
        b.node('LRN', fresh('lrn'), [x], {
          depth_radius: { i: '1' },
          bias: { f: 1 },
          alpha: { f: 1 },
          beta: { f: 0.5 },
        }),
      ),
  },
  EuclideanNorm: {
    'of all features': (b, h) =>
      b.node('Mul', fresh('wide'), [
        b.node('EuclideanNorm', fresh('norm'), [h, integers(b, [1])], { keep_dims: { b: true } }),
        constant(b, [FEATURES]),
      ]),
  },
  MatMul: {
    'two activations': (b, h) =>
      b.node('MatMul', fresh('product'), [
        b.node('MatMul', fresh('product'), [h, h], { transpose_b: { b: true } }),
        h,
      ]),
  },
  _FusedMatMul: {
    'two activations': (b, h) =>
      b.fused(
        '_FusedMatMul',
        fresh('product'),
        [b.node('MatMul', fresh('product'), [h, h], { transpose_b: { b: true } }), h],
        [],
      ),
  },
  ...Object.fromEntries(
    ['BatchMatMul', 'BatchMatMulV2'].map((name): [string, Record<string, Case>] => [
      name,
      { 'a matrix': (b, h) => b.node(name, fresh('product'), [h, constant(b, [FEATURES, FEATURES])]) },
    ]),
  ),
  Conv2D: {
    '1×1': (b, h) =>
      image(b, h, (x) =>
        b.node('Conv2D', fresh('conv'), [x, constant(b, [1, 1, FEATURES, FEATURES])], {
          ...nhwc,
          ...window,
          ...dilations,
        }),
      ),
  },
  _FusedConv2D: {
    '1×1': (b, h) =>
      image(b, h, (x) =>
        b.fused(
          '_FusedConv2D',
          fresh('conv'),
          [x, constant(b, [1, 1, FEATURES, FEATURES]), constant(b, [FEATURES])],
          ['BiasAdd', 'Relu'],
          { ...nhwc, ...window, ...dilations },
        ),
      ),
  },
  ...Object.fromEntries(
    ['DepthwiseConv2d', 'DepthwiseConv2dNative'].map((name): [string, Record<string, Case>] => [
      name,
      {
        '1×1': (b, h) =>
          image(b, h, (x) =>
            b.node(name, fresh('depthwise'), [x, constant(b, [1, 1, FEATURES, 1])], {
              ...nhwc,
              ...window,
              ...dilations,
            }),
          ),
      },
    ]),
  ),
  FusedDepthwiseConv2dNative: {
    '1×1': (b, h) =>
      image(b, h, (x) =>
        b.fused(
          'FusedDepthwiseConv2dNative',
          fresh('depthwise'),
          [x, constant(b, [1, 1, FEATURES, 1]), constant(b, [FEATURES])],
          ['BiasAdd'],
          { ...nhwc, ...window, ...dilations },
        ),
      ),
  },
  ...Object.fromEntries(
    ['MaxPool', 'AvgPool'].map((name): [string, Record<string, Case>] => [
      name,
      {
        'of channels': (b, h) =>
          image(b, h, (x) =>
            b.node(name, fresh('pool'), [x], {
              ...nhwc,
              ...window,
              ksize: { list: { i: ['1', '1', '1', '1'] } },
            }),
          ),
      },
    ]),
  ),
  ...Object.fromEntries(
    ['Mean', 'Max', 'Min', 'Sum', 'Prod'].map((name): [string, Record<string, Case>] => [
      name,
      {
        'of one place': (b, h) => {
          const x = b.node('Reshape', fresh('image'), [h, integers(b, [-1, 1, FEATURES])]);
          return b.node(name, fresh('reduced'), [x, integers(b, [1])], { keep_dims: { b: false } });
        },
      },
    ]),
  ),
  Cumsum: { 'of features': (b, h) => b.node('Cumsum', fresh('sum'), [h, integers(b, [1], true)]) },
  Cumprod: { 'of features': (b, h) => b.node('Cumprod', fresh('product'), [h, integers(b, [1], true)]) },
  Squeeze: {
    'an axis more and less': (b, h) => {
      const x = b.node('Reshape', fresh('image'), [h, integers(b, [-1, 1, FEATURES])]);
      return b.node('Squeeze', fresh('squeeze'), [x], { squeeze_dims: { list: { i: ['1'] } } });
    },
  },
  Reshape: { 'an axis more and less': (b, h) => image(b, h, (x) => x) },
  Transpose: {
    'there and back': (b, h) => {
      const turned = b.node('Transpose', fresh('turned'), [h, integers(b, [1, 0])]);
      return b.node('Transpose', fresh('turned'), [turned, integers(b, [1, 0])]);
    },
  },
  ExpandDims: {
    'and flat again': (b, h) =>
      b.node('Reshape', fresh('flat'), [
        b.node('ExpandDims', fresh('wide'), [h, integers(b, [1], true)]),
        integers(b, [-1, FEATURES]),
      ]),
  },
  ConcatV2: {
    'with itself': (b, h) =>
      b.node('ConcatV2', fresh('concat'), [h, h, integers(b, [0], true)], { N: { i: '2' } }),
  },
  Gather: {
    'back to front': (b, h) =>
      b.node('GatherV2', fresh('gather'), [h, integers(b, [7, 6, 5, 4, 3, 2, 1, 0]), integers(b, [1], true)]),
  },
  GatherV2: {
    'back to front': (b, h) =>
      b.node('GatherV2', fresh('gather'), [h, integers(b, [7, 6, 5, 4, 3, 2, 1, 0]), integers(b, [1], true)]),
  },
};

/** What is not tried: its effect asks nothing about the graph. */
const UNTRIED: Readonly<Record<string, string>> = {
  Einsum: 'the wasm backend does not run it',
  Softsign: 'TensorFlow.js does not run it',
  ReadVariableOp: 'reads variables, which TensorFlow.js keeps no longer',
  Conv1D: 'has shapes of three axes; the rule is that of Conv2D',
  Conv3D: 'has shapes of five axes; the rule is that of Conv2D',
  Conv2DBackpropInput: 'reads the shape of its output',
  GatherNd: 'looks up by places',
  All: 'reads truth values',
  Any: 'reads truth values',
  ArgMax: 'makes whole numbers',
  ArgMin: 'makes whole numbers',
  Atan2: 'is in no graph that the converter writes with a constant',
  If: 'calls a function',
  StatelessIf: 'calls a function',
  While: 'calls a function',
  StatelessWhile: 'calls a function',
  PartitionedCall: 'calls a function',
  StatefulPartitionedCall: 'calls a function',
};

const CASES = OPERATIONS.filter(({ name, apart }) => apart === undefined && !(name in UNTRIED)).flatMap(
  (operation) =>
    Object.entries(OWN[operation.name] ?? derived(operation)).map(
      ([what, add]) => [`${operation.name} ${what}`, operation, add] as const,
    ),
);

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
  'ExpandDims and flat again': LAYOUT,
  'Select its own condition': 'its condition is a tensor of its own',
  'SelectV2 its own condition': 'its condition is a tensor of its own',
  'ConcatV2 with itself': 'what it repeats along other axes is not followed',
};

describe('what treats all features alike lets their order through', () => {
  test.each(CASES.filter(([what]) => !(what in NOT_FOLLOWED) && !what.endsWith('with another tensor')))(
    '%s',
    async (_, __, add) => {
      const model = await between(add, CLUSTERINGS['k = n']!);
      const { input } = model.layers.find(({ name }) => name === 'target')!;
      const { reason, orderInto } = planFold(model.graph, input, FEATURES);
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
