/** Small networks of the kinds that people convert. */
import { IMAGE, type PlantedBuilder, POOL } from './planted.js';

export interface Network {
  readonly build: (b: PlantedBuilder) => void;
  /** Of the input x. */
  readonly shape: readonly number[];
  readonly widths: readonly string[];
  /** Widths of which the second half does not repeat the first. */
  readonly plain?: readonly string[];
}

const NONE = undefined;

function gelu(b: PlantedBuilder, h: string, form: 'erf' | 'tanh'): string {
  const half = b.scalar(0.5);
  if (form === 'erf') {
    const erf = b.op('Erf', [b.op('Mul', [h, b.scalar(Math.SQRT1_2)])]);
    return b.op('Mul', [b.op('Mul', [h, half]), b.op('AddV2', [erf, b.scalar(1)])]);
  }
  const cube = b.op('Mul', [b.op('Pow', [h, b.scalar(3)]), b.scalar(0.044715)]);
  const tanh = b.op('Tanh', [b.op('Mul', [b.op('AddV2', [h, cube]), b.scalar(0.79788)])]);
  return b.op('Mul', [b.op('Mul', [h, half]), b.op('AddV2', [tanh, b.scalar(1)])]);
}

/** Over the last axis, as the converter takes it apart. */
function layerNorm(b: PlantedBuilder, x: string, width: number): string {
  const mean = b.op('Mean', [x, b.ints([-1])], { keep_dims: { b: true } });
  const variance = b.op('Mean', [b.op('SquaredDifference', [x, mean]), b.ints([-1])], {
    keep_dims: { b: true },
  });
  const scale = b.op('Mul', [
    b.op('Rsqrt', [b.op('AddV2', [variance, b.scalar(1e-3)])]),
    b.repeated(b.fresh('gamma'), [width], []),
  ]);
  const shift = b.op('Sub', [b.repeated(b.fresh('beta'), [width], []), b.op('Mul', [mean, scale])]);
  return b.op('AddV2', [b.op('Mul', [x, scale]), shift]);
}

const mlp = (form: 'erf' | 'tanh'): Network => ({
  shape: [3, 5, 6],
  build(b) {
    const x = b.input('x', [NONE, 5, 6]);
    const hidden = gelu(b, b.denseBehind(layerNorm(b, x, 6), 'fc1', 6, 8), form);
    const sum = b.op('AddV2', [x, b.denseBehind(hidden, 'fc2', 8, 6)]);
    b.output(b.denseBehind(layerNorm(b, sum, 6), 'fc3', 6, 4), [NONE, 5, 4]);
  },
  widths: [
    'fc1 8 1: fc1 > fc2',
    'fc2: AddV2 addv2 combines them with values that no layer makes',
    'fc3: addv2 is an output of the model',
  ],
});

export const NETWORKS: Readonly<Record<string, Network>> = {
  'a perceptron': {
    shape: [4, 6],
    build(b) {
      const first = b.op('Relu', [b.dense(b.input('x', [NONE, 6]), 'fc1', 6, 8)]);
      const second = b.fused(
        '_FusedMatMul',
        b.fresh('fused'),
        [first, b.repeated('fc2/kernel', [8, 10], [1]), b.repeated('fc2/bias', [10], [0])],
        ['BiasAdd', 'Elu'],
      );
      b.output(b.dense(second, 'fc3', 10, 4), [NONE, 4]);
    },
    widths: ['fc1 8 1: fc1 > fc2', 'fc2 10 1: fc2 > fc3', 'fc3: biasadd is an output of the model'],
  },
  'a perceptron of a transformer, GELU of Erf': mlp('erf'),
  'a perceptron of a transformer, GELU of Tanh': mlp('tanh'),
  'a gated perceptron': {
    shape: [2, 6],
    build(b) {
      const x = b.input('x', [NONE, 6]);
      const gate = b.dense(x, 'gate', 6, 8);
      const silu = b.op('Mul', [gate, b.op('Sigmoid', [gate])]);
      b.output(b.dense(b.op('Mul', [silu, b.dense(x, 'up', 6, 8)]), 'down', 8, 4), [NONE, 4]);
    },
    widths: ['gate 8 1: gate,up > down', 'down: biasadd is an output of the model'],
  },
  "MobileNetV3's block": {
    shape: [2, 6, 6, 3],
    build(b) {
      const expanded = b.conv(b.input('x', [NONE, 6, 6, 3]), 'expand', [1, 3, 8]);
      const deep = b.depthwise(b.op('Relu6', [b.norm(expanded, 8)]), 'depthwise', 3, 8);
      const pooled = b.op('Mean', [deep, b.ints([1, 2])], { keep_dims: { b: true } });
      const squeezed = b.conv(pooled, 'squeeze', [1, 8, 4], 'Relu');
      const raised = b.op('Relu6', [b.op('AddV2', [b.conv(squeezed, 'excite', [1, 4, 8]), b.scalar(3)])]);
      const scaled = b.op('Mul', [deep, b.op('Mul', [raised, b.scalar(1 / 6)])]);
      b.output(b.conv(scaled, 'project', [1, 8, 4]), [NONE, 6, 6, 4]);
    },
    widths: [
      'expand 8 1: expand,excite > squeeze,project',
      'squeeze 4 1: squeeze > excite',
      'project: conv is an output of the model',
    ],
  },
  'a concatenation as that of DenseNet': {
    shape: [2, 5, 5, 4],
    build(b) {
      const first = b.conv(b.input('x', [NONE, 5, 5, 4]), 'first', [3, 4, 6], 'Relu');
      const second = b.conv(first, 'second', [3, 6, 4], 'Prelu');
      const both = b.op('ConcatV2', [first, second, b.ints([3], true)], { N: { i: '2' } });
      b.output(b.conv(both, 'last', [1, 10, 4]), [NONE, 5, 5, 4]);
    },
    widths: [
      'first 6 1: first > second,last',
      'second 4 1: second > last',
      'last: conv is an output of the model',
    ],
  },
  'a sum of residuals, whose width is one': {
    shape: [2, 5, 5, 4],
    build(b) {
      const stem = b.conv(b.input('x', [NONE, 5, 5, 4]), 'stem', [3, 4, 6]);
      const inner = b.conv(stem, 'inner', [3, 6, 8], 'Relu');
      const sum = b.op('AddN', [stem, b.conv(inner, 'outer', [3, 8, 6])], { N: { i: '2' } });
      b.output(b.conv(b.op('LeakyRelu', [sum], { alpha: { f: 0.1 } }), 'last', [1, 6, 4]), [NONE, 5, 5, 4]);
    },
    widths: [
      'stem 6 1: stem,outer > inner,last',
      'inner 8 1: inner > outer',
      'last: conv is an output of the model',
    ],
  },
  "a residual whose channels are padded, as BlazeFace's": {
    shape: [2, 6, 6, 3],
    build(b) {
      const stem = b.conv(b.input('x', [NONE, 6, 6, 3]), 'stem', [3, 3, 4], 'Relu');
      const padded = b.op('Pad', [stem, b.ints([0, 0, 0, 0, 0, 0, 0, 2], [4, 2])]);
      const sum = b.op('AddV2', [padded, b.conv(stem, 'wider', [1, 4, 6])]);
      b.output(b.conv(sum, 'last', [1, 6, 4]), [NONE, 6, 6, 4]);
    },
    widths: [
      'stem 4 1: stem,wider > wider,last',
      'wider 2 1: wider > last',
      'last: conv is an output of the model',
    ],
    plain: ['stem', 'wider'],
  },
  'channels that are flattened into columns': {
    shape: [2, 6, 6, 3],
    build(b) {
      const made = b.conv(b.input('x', [NONE, 6, 6, 3]), 'conv', [3, 3, 8], 'Prelu');
      const flat = b.op('Reshape', [b.op('MaxPool', [made], POOL), b.ints([-1, 72])]);
      b.output(b.dense(flat, 'fc', 72, 4), [NONE, 4]);
    },
    widths: ['conv 8 1: conv > fc', 'fc: biasadd is an output of the model'],
  },
  'channels that are flattened into a shape that is computed': {
    shape: [2, 6, 6, 3],
    build(b) {
      const made = b.conv(b.input('x', [NONE, 6, 6, 3]), 'conv', [3, 3, 8], 'Relu');
      const batch = b.op('StridedSlice', [b.op('Shape', [made]), b.ints([0]), b.ints([1]), b.ints([1])], {
        shrink_axis_mask: { i: '1' },
      });
      const target = b.op('Pack', [batch, b.ints([288], true)], { N: { i: '2' }, axis: { i: '0' } });
      b.output(b.dense(b.op('Reshape', [made, target]), 'fc', 288, 4), [NONE, 4]);
    },
    widths: ['conv 8 1: conv > fc', 'fc: biasadd is an output of the model'],
  },
  'an encoder and a decoder of transposed convolutions': {
    shape: [2, 4, 4, 3],
    build(b) {
      const x = b.input('x', [NONE, 4, 4, 3]);
      const made = b.conv(x, 'down', [3, 3, 8], 'Relu');
      const batch = b.op('StridedSlice', [b.op('Shape', [made]), b.ints([0]), b.ints([1]), b.ints([1])], {
        shrink_axis_mask: { i: '1' },
      });
      const sizes = [8, 8, 6].map((size) => b.ints([size], true));
      const target = b.op('Pack', [batch, ...sizes], { N: { i: '4' }, axis: { i: '0' } });
      const filters = b.repeated('up/kernel', [2, 2, 6, 8], [2]);
      const up = b.op('Conv2DBackpropInput', [target, filters, made], {
        ...IMAGE,
        strides: { list: { i: ['1', '2', '2', '1'] } },
      });
      const resized = b.op('ResizeBilinear', [up, b.ints([4, 4])], {});
      b.output(b.conv(b.op('BiasAdd', [resized, b.repeated('bias', [6], [0])]), 'last', [3, 6, 4]), [
        NONE,
        4,
        4,
        4,
      ]);
    },
    widths: ['down 8 1: down > up', 'up 6 1: up > last', 'last: conv is an output of the model'],
  },
  'values of heads, whose queries and keys are apart': {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [NONE, 5, 6]);
      const heads = (name: string) =>
        b.op('Transpose', [
          b.op('Reshape', [b.denseBehind(x, name, 6, 8), b.ints([-1, 5, 2, 4])]),
          b.ints([0, 2, 1, 3]),
        ]);
      const [q, k, v] = [heads('q'), heads('k'), heads('v')];
      const scores = b.op('BatchMatMulV2', [q, k], { adj_y: { b: true } });
      const mixed = b.op('BatchMatMulV2', [b.op('Softmax', [scores]), v]);
      const merged = b.op('Reshape', [b.op('Transpose', [mixed, b.ints([0, 2, 1, 3])]), b.ints([-1, 5, 8])]);
      b.output(b.denseBehind(merged, 'out', 8, 4), [NONE, 5, 4]);
    },
    widths: ['q 8 2: q,k > ', 'v 8 2: v > out', 'out: addv2 is an output of the model'],
  },
  'heads of one product, cut and picked by their number': {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [NONE, 5, 6]);
      const all = b.op('Reshape', [b.denseBehind(x, 'qkv', 6, 24), b.ints([-1, 5, 3, 2, 4])]);
      const apart = b.op('Transpose', [all, b.ints([2, 0, 3, 1, 4])]);
      const picked = (i: number) => b.op('GatherV2', [apart, b.ints([i], true), b.ints([0], true)]);
      const shrunk = b.op('StridedSlice', [apart, b.ints([2]), b.ints([3]), b.ints([1])], {
        shrink_axis_mask: { i: '1' },
      });
      const scores = b.op('BatchMatMulV2', [picked(0), picked(1)], { adj_y: { b: true } });
      const mixed = b.op('BatchMatMulV2', [b.op('Softmax', [scores]), shrunk]);
      const merged = b.op('Reshape', [b.op('Transpose', [mixed, b.ints([0, 2, 1, 3])]), b.ints([-1, 5, 8])]);
      b.output(b.denseBehind(merged, 'out', 8, 4), [NONE, 5, 4]);
    },
    widths: ['qkv 16 4: qkv > out', 'out: addv2 is an output of the model'],
  },
};

/** Attention as Keras writes it; the wasm backend does not run Einsum. */
export const EINSUMS: Readonly<Record<string, Network>> = {
  'a perceptron of einsums': {
    shape: [3, 5, 6],
    build(b) {
      const einsum = (equation: string, ...input: string[]) =>
        b.op('Einsum', input, { equation: { s: btoa(equation) }, N: { i: '2' } });
      const made = einsum('abc,cd->abd', b.input('x', [NONE, 5, 6]), b.repeated('in/kernel', [6, 8], [1]));
      b.output(einsum('abd,de->abe', b.op('Relu', [made]), b.repeated('out/kernel', [8, 4], [1])), [
        NONE,
        5,
        4,
      ]);
    },
    widths: ['in 8 1: in > out', 'out: einsum is an output of the model'],
  },
  "Keras' attention": {
    shape: [2, 5, 6],
    build(b) {
      const x = b.input('x', [NONE, 5, 6]);
      const einsum = (equation: string, ...input: string[]) =>
        b.op('Einsum', input, { equation: { s: btoa(equation) }, N: { i: '2' } });
      const heads = (name: string) =>
        b.op('AddV2', [
          einsum('abc,cde->abde', x, b.repeated(`${name}/kernel`, [6, 2, 4], [])),
          b.repeated(`${name}/bias`, [2, 4], []),
        ]);
      const [q, k, v] = [heads('q'), heads('k'), heads('v')];
      const scores = b.op('Softmax', [einsum('aecd,abcd->acbe', k, q)]);
      const mixed = einsum('acbe,aecd->abcd', scores, v);
      b.output(einsum('abcd,cde->abe', mixed, b.repeated('out/kernel', [2, 4, 6], [])), [NONE, 5, 6]);
    },
    widths: ['q 8 2: q,k > ', 'v 8 2: v > out', 'out: einsum is an output of the model'],
  },
};
