/** Small networks as exporters write them, in which the second half of the features repeats the first, and the widths that they have. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import { type ModelBuilder, randomValues } from './build-model.js';

/** Values `[rows, width]` of which the second half of the rows repeats the first. */
export function twice(rows: number, width: number, seed: number): Float32Array {
  const half = randomValues((rows / 2) * width, seed);
  const values = new Float32Array(rows * width);
  values.set(half);
  values.set(half, half.length);
  return values;
}

/** `[inputs, outputs]` with equal columns, as a MatMul reads its weights. */
export function twiceAcross(inputs: number, outputs: number, seed: number): Float32Array {
  const rows = twice(outputs, inputs, seed);
  return Float32Array.from(
    { length: rows.length },
    (_, at) => rows[(at % outputs) * inputs + Math.floor(at / outputs)]!,
  );
}

export interface Case {
  readonly build: (b: ModelBuilder) => void;
  readonly shape: readonly number[];
  readonly opset?: number;
  /** `name size blocks: producers > consumers`, or the reason. */
  readonly widths: readonly string[];
  /** Whether sums put features beside each other that repeat in different places, so that none is a duplicate. */
  readonly distinct?: boolean;
}

export function product(
  b: ModelBuilder,
  x: string,
  name: string,
  inputs: number,
  outputs: number,
  seed: number,
): string {
  const weights = b.weight(`${name}.weight`, [inputs, outputs], twiceAcross(inputs, outputs, seed));
  const made = b.node('MatMul', [x, weights]);
  return b.node('Add', [made, b.weight(`${name}.bias`, [outputs], twice(outputs, 1, seed + 1))]);
}

export function convolution(
  b: ModelBuilder,
  x: string,
  name: string,
  [inputs, outputs, size]: readonly [number, number, number],
  attributes: Record<string, number | number[]> = {},
): string {
  const seed = name.length + inputs;
  const filters = b.weight(
    `${name}.weight`,
    [outputs, inputs, size, size],
    twice(outputs, inputs * size * size, seed),
  );
  const bias = b.weight(`${name}.bias`, [outputs], twice(outputs, 1, seed + 1));
  return b.node('Conv', [x, filters, bias], { kernel_shape: [size, size], ...attributes });
}

export function normalisation(b: ModelBuilder, x: string, channels: number): string {
  const vector = (name: string, seed: number) => {
    const values = twice(channels, 1, seed);
    return b.weight(b.name(name), [channels], name === 'variance' ? values.map((v) => v * v + 0.5) : values);
  };
  return b.node('BatchNormalization', [
    x,
    vector('scale', 5),
    vector('shift', 6),
    vector('mean', 7),
    vector('variance', 8),
  ]);
}

export const SAME: Record<string, number[]> = { pads: [1, 1, 1, 1] };

export const CASES: Readonly<Record<string, Case>> = {
  'a perceptron with GELU as exporters take it apart': {
    shape: [3, 5, 6],
    build(b) {
      const h = product(b, b.input('x', [undefined, undefined, 6]), 'fc1', 6, 8, 1);
      const root = b.node('Div', [h, b.weight('root', [], Float32Array.of(Math.SQRT2))]);
      const one = b.node('Add', [b.node('Erf', [root]), b.weight('one', [], Float32Array.of(1))]);
      const gelu = b.node('Mul', [b.node('Mul', [h, one]), b.weight('half', [1], Float32Array.of(0.5))]);
      b.output(product(b, gelu, 'fc2', 8, 4, 3), [undefined, undefined, 4]);
    },
    widths: ['fc1 8 1: fc1 > fc2', 'fc2: add is an output of the model'],
  },
  'a gated perceptron (SwiGLU)': {
    shape: [2, 6],
    build(b) {
      const x = b.input('x', [undefined, 6]);
      const gate = product(b, x, 'gate', 6, 8, 1);
      const up = product(b, x, 'up', 6, 8, 3);
      const silu = b.node('Mul', [gate, b.node('Sigmoid', [gate])]);
      b.output(product(b, b.node('Mul', [silu, up]), 'down', 8, 4, 5), [undefined, 4]);
    },
    widths: ['gate 8 1: gate,up > down', 'down: add is an output of the model'],
  },
  "MobileNetV3's block: normalised, depthwise, squeezed and excited": {
    shape: [2, 3, 6, 6],
    build(b) {
      const expand = convolution(b, b.input('x', [undefined, 3, 6, 6]), 'expand', [3, 8, 1]);
      const zero = b.weight('zero', [], Float32Array.of(0));
      const six = b.weight('six', [], Float32Array.of(6));
      const active = b.node('Clip', [normalisation(b, expand, 8), zero, six]);
      const deep = convolution(b, active, 'depthwise', [1, 8, 3], { group: 8, ...SAME });
      const pooled = b.node('GlobalAveragePool', [deep]);
      const squeezed = b.node('Relu', [convolution(b, pooled, 'squeeze', [8, 4, 1])]);
      const excited = b.node('HardSigmoid', [convolution(b, squeezed, 'excite', [4, 8, 1])]);
      const scaled = b.node('Mul', [deep, excited]);
      b.output(convolution(b, scaled, 'project', [8, 4, 1]), [undefined, 4, 6, 6]);
    },
    widths: [
      'expand 8 1: expand,excite > squeeze,project',
      'squeeze 4 1: squeeze > excite',
      'project: conv is an output of the model',
    ],
  },
  'channels that are flattened into columns': {
    shape: [2, 3, 6, 6],
    build(b) {
      const made = convolution(b, b.input('x', [undefined, 3, 6, 6]), 'conv', [3, 8, 3], SAME);
      const pooled = b.node(
        'MaxPool',
        [b.node('PRelu', [made, b.weight('slope', [8, 1, 1], twice(8, 1, 4))])],
        {
          kernel_shape: [2, 2],
          strides: [2, 2],
        },
      );
      b.output(product(b, b.node('Flatten', [pooled]), 'fc', 72, 4, 3), [undefined, 4]);
    },
    widths: ['conv 8 1: conv > fc', 'fc: add is an output of the model'],
  },
  "a concatenation as DenseNet's": {
    shape: [2, 4, 5, 5],
    build(b) {
      const first = b.node('Relu', [
        convolution(b, b.input('x', [undefined, 4, 5, 5]), 'first', [4, 6, 3], SAME),
      ]);
      const second = b.node('Relu', [convolution(b, first, 'second', [6, 4, 3], SAME)]);
      const both = b.node('Concat', [first, second], { axis: 1 });
      b.output(convolution(b, normalisationOfParts(b, both), 'last', [10, 4, 1]), [undefined, 4, 5, 5]);
    },
    widths: [
      'first 6 1: first > second,last',
      'second 4 1: second > last',
      'last: conv is an output of the model',
    ],
  },
  'a sum of residuals, whose width is one': {
    shape: [2, 4, 5, 5],
    build(b) {
      const stem = convolution(b, b.input('x', [undefined, 4, 5, 5]), 'stem', [4, 6, 3], SAME);
      const inner = b.node('Relu', [convolution(b, stem, 'inner', [6, 8, 3], SAME)]);
      const sum = b.node('Add', [stem, convolution(b, inner, 'outer', [8, 6, 3], SAME)]);
      b.output(convolution(b, b.node('Relu', [sum]), 'last', [6, 4, 1]), [undefined, 4, 5, 5]);
    },
    widths: [
      'stem 6 1: stem,outer > inner,last',
      'inner 8 1: inner > outer',
      'last: conv is an output of the model',
    ],
  },
  'a split into gate and values': {
    shape: [2, 6],
    build(b) {
      const both = product(b, b.input('x', [undefined, 6]), 'both', 6, 8, 1);
      const [gate, value] = [b.name('gate'), b.name('value')];
      b.node('Split', [both, b.integers([4, 4])], { axis: -1 }, [gate, value]);
      b.output(product(b, b.node('Mul', [b.node('Sigmoid', [gate]), value]), 'down', 4, 4, 3), [
        undefined,
        4,
      ]);
    },
    widths: ['both 4 1: both > down', 'down: add is an output of the model'],
  },
  'values of heads, whose queries and keys are apart': {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [undefined, 5, 6]);
      const heads = (name: string, seed: number) => {
        const made = product(b, x, name, 6, 8, seed);
        return b.node('Transpose', [b.node('Reshape', [made, b.integers([0, 5, 2, 4])])], {
          perm: [0, 2, 1, 3],
        });
      };
      const [q, k, v] = [heads('q', 1), heads('k', 3), heads('v', 5)];
      const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
      const mixed = b.node('MatMul', [b.node('Softmax', [scores], { axis: -1 }), v]);
      const merged = b.node('Reshape', [
        b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
        b.integers([0, 5, 8]),
      ]);
      b.output(product(b, merged, 'out', 8, 4, 7), [undefined, 5, 4]);
    },
    widths: ['q 8 2: q,k > ', 'v 8 2: v > out', 'out: add is an output of the model'],
  },
  'queries, keys and values of one product, whose shape is computed': {
    shape: [2, 5, 6],
    build: (b) =>
      attention(b, b.node('Pow', [b.node('Cast', [scaleOf(b, 'x', 6)], { to: DataType.FLOAT }), half(b)])),
    widths: ['qkv 12 4: qkv > out', 'out: add is an output of the model'],
  },
  'queries and keys whose number is divided by': {
    shape: [2, 5, 6],
    build: (b) => attention(b, undefined),
    widths: [
      'qkv: Shape shape tells their number, which is computed with',
      'out: add is an output of the model',
    ],
  },
  "a shortcut that skips every other place and gets channels of zeros (ResNet-20's)": {
    shape: [2, 4, 6, 6],
    build(b) {
      const stem = b.node('Relu', [
        convolution(b, b.input('x', [undefined, 4, 6, 6]), 'stem', [4, 6, 3], SAME),
      ]);
      const half = b.node('Slice', [
        stem,
        ...[
          [0, 0],
          [9, 9],
          [2, 3],
          [2, 2],
        ].map((numbers) => b.integers(numbers)),
      ]);
      const wider = b.node('Pad', [half, b.integers([0, 1, 0, 0, 0, 3, 0, 0])]);
      const inner = b.node('Relu', [convolution(b, stem, 'inner', [6, 8, 3], { ...SAME, strides: [2, 2] })]);
      const sum = b.node('Add', [wider, convolution(b, inner, 'outer', [8, 10, 3], SAME)]);
      const more = b.node('Relu', [convolution(b, sum, 'more', [10, 8, 3], SAME)]);
      const end = b.node('Add', [sum, convolution(b, more, 'again', [8, 10, 3], SAME)]);
      b.output(convolution(b, b.node('Relu', [end]), 'last', [10, 4, 1]), [undefined, 4, 3, 3]);
    },
    widths: [
      'stem 6 1: stem,outer,again > inner,more,last',
      'inner 8 1: inner > outer',
      'outer 4 1: outer,again > more,last',
      'more 8 1: more > again',
      'last: conv is an output of the model',
    ],
    distinct: true,
  },
};

function half(b: ModelBuilder): string {
  return b.weight(b.name('half'), [], Float32Array.of(-0.5));
}

/** The length of the last axis of a tensor, as a whole number that is computed. */
function scaleOf(b: ModelBuilder, tensor: string, places: number): string {
  const last = b.node('Slice', [b.node('Shape', [tensor]), b.integers([-1]), b.integers([places])]);
  return b.node('Squeeze', [last, b.integers([0])]);
}

/** Two heads of three features for queries, keys and values each. Without a scale, that of their own number is computed. */
function attention(b: ModelBuilder, given: string | undefined): void {
  const x = b.input('x', [undefined, 5, 6]);
  const packed = product(b, x, 'qkv', 6, 18, 1);
  const each = b.node('Div', [scaleOf(b, x, 6), b.integer(2)]);
  const shape = b.node(
    'Concat',
    [
      b.integers([0]),
      b.integers([5]),
      b.integers([3]),
      b.integers([2]),
      b.node('Unsqueeze', [each, b.integers([0])]),
    ],
    { axis: 0 },
  );
  const heads = b.node('Transpose', [b.node('Reshape', [packed, shape])], { perm: [2, 0, 3, 1, 4] });
  const parts = ['q', 'k', 'v'].map((name) => b.name(name));
  b.node('Split', [heads, b.integers([1, 1, 1])], { axis: 0 }, parts);
  const [q, k, v] = parts.map((part) => b.node('Squeeze', [part, b.integers([0])])) as [
    string,
    string,
    string,
  ];
  const scores = b.node('MatMul', [q, b.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
  const scale = given ?? b.node('Pow', [b.node('Cast', [scaleOf(b, q, 9)], { to: DataType.FLOAT }), half(b)]);
  const mixed = b.node('MatMul', [b.node('Softmax', [b.node('Mul', [scores, scale])], { axis: -1 }), v]);
  const merged = b.node('Reshape', [
    b.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    b.node(
      'Concat',
      [b.node('Slice', [b.node('Shape', [x]), b.integers([0]), b.integers([2])]), b.integers([6])],
      {
        axis: 0,
      },
    ),
  ]);
  b.output(product(b, merged, 'out', 6, 4, 7), [undefined, 5, 4]);
}

/** Means and variances of features that come from two layers, twice each. */
function normalisationOfParts(b: ModelBuilder, x: string): string {
  const vector = (name: string, seed: number) => {
    const values = Float32Array.from([...twice(6, 1, seed), ...twice(4, 1, seed + 1)]);
    return b.weight(b.name(name), [10], name === 'variance' ? values.map((v) => v * v + 0.5) : values);
  };
  return b.node('BatchNormalization', [
    x,
    vector('scale', 5),
    vector('shift', 6),
    vector('mean', 7),
    vector('variance', 8),
  ]);
}
