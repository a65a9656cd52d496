/** Every operation of the table of graph models between two fully connected layers. */
import type { Operation } from '../src/graph-model/operations/operation.js';
import { OPERATIONS } from '../src/graph-model/operations/operation-table.js';
import { type GraphBuilder, randomValues } from './build-graph-model.js';

export const SAMPLES = 4;
export const FEATURES = 8;
/** Adds the operation behind `h`, shape `[SAMPLES, FEATURES]`, and returns a tensor of floats of the same columns. */
export type Case = (b: GraphBuilder, h: string) => string;

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
export const UNTRIED: Readonly<Record<string, string>> = {
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

export const CASES: readonly (readonly [what: string, operation: Operation, add: Case])[] = OPERATIONS.filter(
  ({ name, apart }) => apart === undefined && !(name in UNTRIED),
).flatMap((operation) =>
  Object.entries(OWN[operation.name] ?? derived(operation)).map(
    ([what, add]) => [`${operation.name} ${what}`, operation, add] as const,
  ),
);
