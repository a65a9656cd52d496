/** A small graph for every operator that can stand between two fully connected layers. */
import { TensorProto_DataType as DataType } from 'onnx-buf';
import type { Operator } from '../../src/graph/operators/operator.js';
import { type AttributeValue, ModelBuilder, randomValues } from '../build-model.js';

/** Samples, tokens and features of what a case reads. */
export const SHAPE = [2, 4, 8] as const;
const FEATURES = SHAPE[2];

/** Adds the operator behind `h`, shape `SHAPE`, and returns a tensor of floats whose last axis has `FEATURES` columns. */
export type Case = (b: ModelBuilder, h: string) => string;

const { BOOL, FLOAT, INT32, UINT8, UINT32 } = DataType;

let count = 0;
function constant(b: ModelBuilder, dims: readonly number[], least = 0.5): string {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const values = randomValues(size, ++count).map((value) => least + Math.abs(value));
  return b.weight(`constant_${count}`, dims, values);
}
function scalar(b: ModelBuilder, value: number): string {
  return b.weight(`scalar_${++count}`, [], Float32Array.of(value));
}
function cast(b: ModelBuilder, x: string, to: number): string {
  return b.node('Cast', [x], { to });
}
/** Whole numbers of a type. */
function whole(b: ModelBuilder, h: string, to: number): string {
  return cast(b, b.node('Mul', [b.node('Abs', [h]), scalar(b, 10)]), to);
}
function truths(b: ModelBuilder, h: string): string {
  return b.node('Greater', [h, scalar(b, 0)]);
}
/** Features as channels, and back. */
function channels(b: ModelBuilder, h: string, op: (x: string) => string): string {
  return b.node('Transpose', [op(b.node('Transpose', [h], { perm: [0, 2, 1] }))], { perm: [0, 2, 1] });
}
/** Features as channels of images of 2 by 2, with one column each behind them. */
function images(b: ModelBuilder, h: string, op: (x: string) => string, columns: readonly number[]): string {
  const image = b.node('Reshape', [b.node('Transpose', [h], { perm: [0, 2, 1] }), b.integers([2, 8, 2, 2])]);
  return b.node('Reshape', [op(image), b.integers(columns)]);
}
function reduced(name: string, inAttribute: number): Case {
  return (b, h) => {
    const axes = b.opset < inAttribute;
    return axes
      ? b.node(name, [h], { axes: [1], keepdims: 0 })
      : b.node(name, [h, b.integers([1])], { keepdims: 0 });
  };
}

/** Keeps what a function reads inside its domain. */
const DOMAINS: Readonly<Record<string, (b: ModelBuilder, h: string) => string>> = {
  Sqrt: (b, h) => b.node('Softplus', [h]),
  Log: (b, h) => b.node('Softplus', [h]),
  Reciprocal: (b, h) => b.node('Softplus', [h]),
  Pow: (b, h) => b.node('Softplus', [h]),
  Acosh: (b, h) => b.node('Exp', [b.node('Softplus', [h])]),
  Asin: (b, h) => b.node('Tanh', [h]),
  Acos: (b, h) => b.node('Tanh', [h]),
  Atanh: (b, h) => b.node('Sigmoid', [h]),
  Tan: (b, h) => b.node('Tanh', [h]),
  Round: (b, h) => b.node('Mul', [h, scalar(b, 10)]),
  Floor: (b, h) => b.node('Mul', [h, scalar(b, 10)]),
  Ceil: (b, h) => b.node('Mul', [h, scalar(b, 10)]),
  Mod: (b, h) => b.node('Mul', [h, scalar(b, 10)]),
  Not: truths,
  And: truths,
  Or: truths,
  Xor: truths,
  BitwiseNot: (b, h) => whole(b, h, INT32),
  BitwiseAnd: (b, h) => whole(b, h, INT32),
  BitwiseOr: (b, h) => whole(b, h, INT32),
  BitwiseXor: (b, h) => whole(b, h, INT32),
  BitShift: (b, h) => whole(b, h, UINT32),
  DequantizeLinear: (b, h) => b.node('QuantizeLinear', [h, scalar(b, 0.05)]),
};
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, AttributeValue>>>> = {
  Mod: { fmod: 1 },
  BitShift: { direction: { text: 'LEFT' } },
  Cast: { to: DataType.FLOAT16 },
};
const TRUTH = new Set(['And', 'Or', 'Xor']);
const WHOLE: Readonly<Record<string, number>> = {
  BitwiseAnd: INT32,
  BitwiseOr: INT32,
  BitwiseXor: INT32,
  BitShift: UINT32,
};

/** A constant to combine with, of the type that an operator reads. */
function operand(b: ModelBuilder, name: string, dims: readonly number[]): string {
  if (TRUTH.has(name)) return b.truth();
  const type = WHOLE[name];
  if (type === undefined) return constant(b, dims);
  return b.whole(`whole_${++count}`, [], type, 3);
}

/** Cases that follow from the table: one input, or a constant beside it. */
function derived({ name, domain, activation, inputs }: Operator): Record<string, Case> {
  const node = (b: ModelBuilder, input: readonly string[]) =>
    cast(b, b.node(name, input, ATTRIBUTES[name], undefined, undefined, domain), FLOAT);
  const prepared = (b: ModelBuilder, h: string) => DOMAINS[name]?.(b, h) ?? h;
  if (activation === 'varying' && inputs < 3) {
    const cases: Record<string, Case> = {
      'with one value': (b, h) => node(b, [prepared(b, h), operand(b, name, [])]),
      'with one value before it': (b, h) => node(b, [operand(b, name, []), prepared(b, h)]),
      'with another tensor': (b, h) => {
        const x = prepared(b, h);
        return node(b, [x, x]);
      },
    };
    if (TRUTH.has(name) || WHOLE[name] !== undefined) return cases;
    cases['with one value per feature'] = (b, h) => node(b, [prepared(b, h), operand(b, name, [FEATURES])]);
    cases['with one value per feature before it'] = (b, h) =>
      node(b, [operand(b, name, [1, FEATURES]), prepared(b, h)]);
    cases['with one value per token'] = (b, h) => node(b, [prepared(b, h), operand(b, name, [SHAPE[1], 1])]);
    if (inputs === 1) cases.alone = (b, h) => node(b, [prepared(b, h)]);
    return cases;
  }
  return inputs === 1 && activation === 'first' && UNTRIED[name] === undefined
    ? { alone: (b, h) => node(b, [prepared(b, h)]) }
    : {};
}

/** Gives an operator of one input attributes. */
function having(name: string, attributes: Readonly<Record<string, AttributeValue>>): Case {
  return (b, h) => cast(b, b.node(name, [h], attributes), FLOAT);
}
const normalised =
  (name: string, vectors: number): Case =>
  (b, h) =>
    channels(b, h, (x) =>
      b.node(name, [x, ...Array.from({ length: vectors }, () => constant(b, [FEATURES]))]),
    );
const indices = (b: ModelBuilder) => b.integers([7, 6, 5, 4, 3, 2, 1, 0]);
function recurrent(name: string, gates: number): Case {
  return (b, h) => {
    const weights = [constant(b, [1, gates * 8, 8]), constant(b, [1, gates * 8, 8])];
    return b.node('Squeeze', [b.node(name, [h, ...weights], { hidden_size: 8 }), b.integers([1])]);
  };
}
function contributed(
  name: string,
  inputs: (b: ModelBuilder, h: string) => string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): Case {
  return (b, h) => b.node(name, inputs(b, h), attributes, undefined, undefined, 'com.microsoft');
}
function branch(build: Case): { graph: ReturnType<ModelBuilder['graph']> } {
  const inner = new ModelBuilder(17);
  const y = build(inner, 'h');
  return { graph: inner.output(y).graph() };
}

const OWN: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  Clip: {
    'from 0': (b, h) => b.node('Clip', [h, scalar(b, 0)]),
    'from 0 to 6': (b, h) => b.node('Clip', [h, scalar(b, 0), scalar(b, 0.5)]),
  },
  Cast: {
    'to float16': (b, h) => cast(b, cast(b, h, DataType.FLOAT16), FLOAT),
    'to integers': (b, h) => cast(b, whole(b, h, INT32), FLOAT),
  },
  CastLike: { 'like a float': (b, h) => b.node('CastLike', [h, scalar(b, 0)]) },
  PRelu: {
    'one slope': (b, h) => b.node('PRelu', [h, constant(b, [1])]),
    'a slope per feature': (b, h) => b.node('PRelu', [h, constant(b, [FEATURES])]),
    'a slope per token': (b, h) => b.node('PRelu', [h, constant(b, [SHAPE[1], 1])]),
  },
  Where: {
    'a condition on it': (b, h) => b.node('Where', [truths(b, h), scalar(b, 1), scalar(b, 0)]),
    'one value beside it': (b, h) => b.node('Where', [b.truth(), h, scalar(b, 0)]),
    'its own condition': (b, h) => b.node('Where', [truths(b, h), h, scalar(b, 0)]),
  },
  QuantizeLinear: {
    'and back': (b, h) => {
      const scale = scalar(b, 0.05);
      return b.node('DequantizeLinear', [b.node('QuantizeLinear', [h, scale]), scale]);
    },
  },
  DequantizeLinear: {
    'behind QuantizeLinear': (b, h) => {
      const scale = scalar(b, 0.05);
      return b.node('DequantizeLinear', [b.node('QuantizeLinear', [h, scale]), scale]);
    },
  },
  DynamicQuantizeLinear: {
    'and back': (b, h) => {
      b.node('DynamicQuantizeLinear', [h], {}, ['quantised', 'scale', 'zero']);
      return b.node('DequantizeLinear', ['quantised', 'scale', 'zero']);
    },
  },
  BatchNormalization: { 'of channels': normalised('BatchNormalization', 4) },
  InstanceNormalization: { 'of channels': normalised('InstanceNormalization', 2) },
  LayerNormalization: {
    'γ and β': (b, h) => b.node('LayerNormalization', [h, constant(b, [8]), constant(b, [8])]),
    'of tokens too': (b, h) => b.node('LayerNormalization', [h, constant(b, [4, 8])], { axis: 1 }),
  },
  RMSNormalization: { γ: (b, h) => b.node('RMSNormalization', [h, constant(b, [8])]) },
  SimplifiedLayerNormalization: {
    γ: (b, h) => b.node('SimplifiedLayerNormalization', [h, constant(b, [8])]),
  },
  GroupNormalization: {
    'two groups': (b, h) =>
      channels(b, h, (x) =>
        b.node('GroupNormalization', [x, constant(b, [8]), constant(b, [8])], { num_groups: 2 }),
      ),
  },
  MeanVarianceNormalization: { 'last axis': having('MeanVarianceNormalization', { axes: [2] }) },
  LRN: { channels: (b, h) => images(b, h, (x) => b.node('LRN', [x], { size: 3 }), [2, 4, 8]) },
  Flatten: { 'of one token': (b, h) => b.node('Flatten', [reduced('ReduceMean', 18)(b, h)]) },
  Reshape: {
    'an axis more': (b, h) => b.node('Reshape', [h, b.integers([2, 4, 1, 8])]),
    'tokens as samples': (b, h) => b.node('Reshape', [h, b.integers([-1, 8])]),
    'merged features': (b, h) =>
      b.node('Reshape', [b.node('Transpose', [h], { perm: [0, 2, 1] }), b.integers([2, 4, 8])]),
  },
  Squeeze: {
    'an axis less': (b, h) => b.node('Squeeze', [b.node('ReduceMean', [h], { axes: [1] }), b.integers([1])]),
  },
  Unsqueeze: { 'an axis more': (b, h) => b.node('Unsqueeze', [h, b.integers([1])]) },
  Transpose: {
    'tokens and samples': (b, h) => b.node('Transpose', [h], { perm: [1, 0, 2] }),
    'there and back': (b, h) => channels(b, h, (x) => x),
  },
  ...Object.fromEntries(
    ['MaxPool', 'AveragePool', 'LpPool', 'GlobalMaxPool', 'GlobalAveragePool', 'GlobalLpPool'].map(
      (name) =>
        [
          name,
          {
            channels: (b, h) =>
              channels(b, h, (x) =>
                b.node(name, [x], name.startsWith('Global') ? {} : { kernel_shape: [2] }),
              ),
          },
        ] satisfies [string, Record<string, Case>],
    ),
  ),
  ...Object.fromEntries(
    ['Mean', 'Max', 'Min', 'L1', 'L2', 'LogSumExp', 'Prod', 'SumSquare'].map((kind) => [
      `Reduce${kind}`,
      { 'over tokens': reduced(`Reduce${kind}`, 18) },
    ]),
  ),
  ReduceSum: { 'over tokens': reduced('ReduceSum', 13) },
  ReduceLogSum: { 'over tokens': (b, h) => reduced('ReduceLogSum', 18)(b, b.node('Softplus', [h])) },
  ArgMax: { 'over tokens': (b, h) => cast(b, b.node('ArgMax', [h], { axis: 1, keepdims: 0 }), FLOAT) },
  ArgMin: { 'over tokens': (b, h) => cast(b, b.node('ArgMin', [h], { axis: 1, keepdims: 0 }), FLOAT) },
  Concat: { 'with itself': (b, h) => b.node('Concat', [h, h], { axis: 1 }) },
  Slice: {
    'some tokens': (b, h) => b.node('Slice', [h, b.integers([0]), b.integers([2]), b.integers([1])]),
    'features back to front': (b, h) =>
      b.node('Slice', [h, ...[-1, -100, 2, -1].map((bound) => b.integers([bound]))]),
  },
  Split: {
    'into tokens': (b, h) => {
      b.node('Split', [h, b.integers([1, 3])], { axis: 1 }, ['first', 'rest']);
      return 'rest';
    },
  },
  Compress: {
    'some samples': (b, h) =>
      b.node('Compress', [h, b.node('Unsqueeze', [b.truth(), b.integers([0])])], { axis: 0 }),
  },
  TopK: { 'all, sorted': (b, h) => b.node('TopK', [h, b.integers([8])], {}, ['values', 'places']) },
  CenterCropPad: { 'some tokens': (b, h) => b.node('CenterCropPad', [h, b.integers([2])], { axes: [1] }) },
  Gather: { 'back to front': (b, h) => b.node('Gather', [h, indices(b)], { axis: 2 }) },
  GatherElements: {
    'back to front': (b, h) =>
      b.node('GatherElements', [h, b.node('Expand', [indices(b), b.integers([2, 4, 8])])], { axis: 2 }),
  },
  GatherND: {
    'one sample': (b, h) => b.node('GatherND', [h, b.node('Unsqueeze', [b.integers([1]), b.integers([0])])]),
  },
  Scatter: {
    'onto itself': (b, h) =>
      b.node('Scatter', [h, b.node('Expand', [indices(b), b.integers([2, 4, 8])]), h], { axis: 2 }),
  },
  ScatterElements: {
    'onto itself': (b, h) =>
      b.node('ScatterElements', [h, b.node('Expand', [indices(b), b.integers([2, 4, 8])]), h], { axis: 2 }),
  },
  ScatterND: {
    'one sample': (b, h) =>
      b.node('ScatterND', [
        h,
        b.node('Unsqueeze', [b.integers([1]), b.integers([0])]),
        constant(b, [1, 4, 8]),
      ]),
  },
  ReverseSequence: {
    tokens: (b, h) => b.node('ReverseSequence', [h, b.integers([2, 3])], { batch_axis: 0, time_axis: 1 }),
  },
  Pad: {
    features: (b, h) => {
      const half = b.node('Slice', [h, b.integers([0]), b.integers([6]), b.integers([2])]);
      return b.node('Pad', [half, b.integers([0, 0, 1, 0, 0, 1])]);
    },
  },
  Expand: {
    'to more samples': (b, h) =>
      b.node('Expand', [b.node('Unsqueeze', [h, b.integers([0])]), b.integers([3, 1, 1, 1])]),
  },
  Tile: { tokens: (b, h) => b.node('Tile', [h, b.integers([1, 2, 1])]) },
  DepthToSpace: {
    channels: (b, h) => images(b, h, (x) => b.node('DepthToSpace', [x], { blocksize: 2 }), [2, 4, 8]),
  },
  SpaceToDepth: {
    channels: (b, h) => images(b, h, (x) => b.node('SpaceToDepth', [x], { blocksize: 2 }), [2, 4, 8]),
  },
  Col2Im: {
    blocks: (b, h) =>
      b.node('Reshape', [
        b.node('Col2Im', [
          b.node('Reshape', [h, b.integers([4, 4, 4])]),
          b.integers([2, 2]),
          b.integers([1, 1]),
        ]),
        b.integers([-1, 8]),
      ]),
  },
  Resize: {
    images: (b, h) =>
      images(
        b,
        h,
        (x) => b.node('Resize', [x, '', b.weight('scales', [4], Float32Array.of(1, 1, 2, 2))]),
        [-1, 8],
      ),
  },
  Upsample: {
    images: (b, h) =>
      images(
        b,
        h,
        (x) => b.node('Upsample', [x, b.weight('scales', [4], Float32Array.of(1, 1, 2, 2))]),
        [-1, 8],
      ),
  },
  GridSample: {
    images: (b, h) => images(b, h, (x) => b.node('GridSample', [x, constant(b, [2, 2, 2, 2], 0)]), [-1, 8]),
  },
  CumSum: { features: (b, h) => b.node('CumSum', [h, b.integer(2)]) },
  Gemm: {
    'two activations': (b, h) => {
      const x = b.node('Reshape', [h, b.integers([8, 8])]);
      return b.node('Gemm', [x, x]);
    },
  },
  MatMul: {
    'two activations': (b, h) =>
      b.node('MatMul', [b.node('MatMul', [h, b.node('Transpose', [h], { perm: [0, 2, 1] })]), h]),
  },
  Conv: {
    'of channels': (b, h) =>
      channels(b, h, (x) => b.node('Conv', [x, constant(b, [8, 8, 1]), constant(b, [8])])),
    depthwise: (b, h) => channels(b, h, (x) => b.node('Conv', [x, constant(b, [8, 1, 1])], { group: 8 })),
  },
  ConvTranspose: {
    'of channels': (b, h) => channels(b, h, (x) => b.node('ConvTranspose', [x, constant(b, [8, 8, 1])])),
  },
  DeformConv: {
    images: (b, h) =>
      images(
        b,
        h,
        (x) => b.node('DeformConv', [x, constant(b, [8, 8, 1, 1]), constant(b, [2, 2, 2, 2])]),
        [-1, 8],
      ),
  },
  ConvInteger: {
    images: (b, h) => {
      b.whole('filters', [8, 8, 1, 1], UINT8, 3);
      return images(
        b,
        h,
        (x) => cast(b, b.node('ConvInteger', [whole(b, x, UINT8), 'filters']), FLOAT),
        [-1, 8],
      );
    },
  },
  QLinearConv: {
    images: (b, h) => {
      b.whole('filters', [8, 8, 1, 1], UINT8, 3);
      b.whole('zero', [], UINT8, 0);
      const scale = scalar(b, 0.5);
      const inputs = (x: string) => [
        whole(b, x, UINT8),
        scale,
        'zero',
        'filters',
        scale,
        'zero',
        scale,
        'zero',
      ];
      return images(b, h, (x) => cast(b, b.node('QLinearConv', inputs(x)), FLOAT), [-1, 8]);
    },
  },
  MatMulInteger: {
    constants: (b, h) => {
      b.whole('matrix', [8, 8], UINT8, 3);
      return cast(b, b.node('MatMulInteger', [whole(b, h, UINT8), 'matrix']), FLOAT);
    },
  },
  QLinearMatMul: {
    constants: (b, h) => {
      b.whole('matrix', [8, 8], UINT8, 3);
      b.whole('zero', [], UINT8, 0);
      const scale = scalar(b, 0.5);
      const inputs = [whole(b, h, UINT8), scale, 'zero', 'matrix', scale, 'zero', scale, 'zero'];
      return cast(b, b.node('QLinearMatMul', inputs), FLOAT);
    },
  },
  Einsum: {
    'over tokens': (b, h) =>
      b.node('Einsum', [h, constant(b, [8, 8])], { equation: { text: 'bti,ij->btj' } }),
  },
  LSTM: { tokens: recurrent('LSTM', 4) },
  GRU: { tokens: recurrent('GRU', 3) },
  RNN: { tokens: recurrent('RNN', 1) },
  Attention: { 'of itself': (b, h) => b.node('Attention', [h, h, h], { q_num_heads: 2, kv_num_heads: 2 }) },
  RotaryEmbedding: {
    'of tokens': (b, h) =>
      b.node('RotaryEmbedding', [h, constant(b, [2, 4, 2]), constant(b, [2, 4, 2])], { num_heads: 2 }),
  },
  TensorScatter: {
    'onto itself': (b, h) => b.node('TensorScatter', [h, h], { axis: 1 }),
  },
  If: {
    both: (b, h) =>
      b.node('If', [b.truth()], {
        then_branch: branch((i) => i.node('Relu', [h])),
        else_branch: branch((i) => i.node('Tanh', [h])),
      }),
  },
  Loop: {
    once: (b, h) => {
      const inner = new ModelBuilder(17);
      inner.input('i', [], DataType.INT64);
      inner.input('go', [], BOOL);
      inner.input('state', [...SHAPE]);
      inner.node('Identity', ['go'], {}, ['still']);
      inner.node('Sin', ['state'], {}, ['next']);
      inner.output('still', [], BOOL).output('next', [...SHAPE]);
      return b.node('Loop', [b.integer(2), b.truth(), h], { body: { graph: inner.graph() } });
    },
  },
  Scan: {
    tokens: (b, h) => {
      const inner = new ModelBuilder(17);
      inner.input('part', [4, 8]);
      inner.node('Sin', ['part'], {}, ['made']);
      inner.output('made', [4, 8]);
      return b.node('Scan', [h], { body: { graph: inner.graph() }, num_scan_inputs: 1 });
    },
  },
  Det: {
    'of tokens': (b, h) =>
      b.node('Reshape', [
        b.node('Det', [b.node('Reshape', [h, b.integers([16, 2, 2])])]),
        b.integers([2, 8]),
      ]),
  },
  DFT: {
    features: (b, h) =>
      b.node('Slice', [
        b.node('Reshape', [
          b.node('DFT', [b.node('Unsqueeze', [h, b.integers([3])])], { axis: 2 }),
          b.integers([-1, 8]),
        ]),
        b.integers([0]),
        b.integers([2]),
        b.integers([0]),
      ]),
  },
};

/** Cases of what onnxruntime adds. */
const CONTRIBUTED: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  FastGelu: {
    'without a bias': contributed('FastGelu', (_, h) => [h]),
    'with a bias': contributed('FastGelu', (b, h) => [h, constant(b, [8])]),
  },
  BiasGelu: { 'with a bias': contributed('BiasGelu', (b, h) => [h, constant(b, [8])]) },
  SkipLayerNormalization: {
    'onto itself': contributed('SkipLayerNormalization', (b, h) => [
      h,
      h,
      constant(b, [8]),
      constant(b, [8]),
    ]),
  },
  SkipSimplifiedLayerNormalization: {
    'onto itself': contributed('SkipSimplifiedLayerNormalization', (b, h) => [h, h, constant(b, [8])]),
  },
  FusedMatMul: { 'a matrix': contributed('FusedMatMul', (b, h) => [h, constant(b, [8, 8])]) },
  FusedGemm: {
    'a matrix': contributed(
      'FusedGemm',
      (b, h) => [b.node('Reshape', [h, b.integers([8, 8])]), constant(b, [8, 8]), constant(b, [8])],
      { activation: { text: 'Relu' } },
    ),
  },
  FusedConv: {
    'of channels': (b, h) =>
      images(
        b,
        h,
        (x) =>
          contributed('FusedConv', (_, image) => [image, constant(b, [8, 8, 1, 1]), constant(b, [8])])(b, x),
        [-1, 8],
      ),
  },
  DynamicQuantizeMatMul: {
    'a matrix': contributed('DynamicQuantizeMatMul', (b, h) => [
      h,
      b.whole('matrix', [8, 8], UINT8, 3),
      scalar(b, 0.1),
      b.whole('zero', [], UINT8, 1),
    ]),
  },
  MatMulIntegerToFloat: {
    'a matrix': contributed('MatMulIntegerToFloat', (b, h) => [
      whole(b, h, UINT8),
      b.whole('matrix', [8, 8], UINT8, 3),
      scalar(b, 0.1),
      scalar(b, 0.1),
    ]),
  },
  MatMulNBits: {
    'a matrix': contributed(
      'MatMulNBits',
      (b, h) => [h, b.whole('packed', [8, 1, 8], UINT8, 0x5a), constant(b, [8, 1])],
      { K: 8, N: 8, bits: 4, block_size: 16 },
    ),
  },
  Attention: {
    'of itself': contributed('Attention', (b, h) => [h, constant(b, [8, 24]), constant(b, [24])], {
      num_heads: 2,
    }),
  },
  MultiHeadAttention: {
    'of itself': contributed('MultiHeadAttention', (_, h) => [h, h, h], { num_heads: 2 }),
  },
};

/** What is not tried: its effect asks nothing about the graph, and a graph around it says nothing more. */
export const UNTRIED: Readonly<Record<string, string>> = {
  QGemm: 'has nine operands',
  MatMulBnb4: 'reads a table of sixteen floats for packed weights',
  MatMulFpQ4: 'is not in this build of onnxruntime',
  NhwcFusedConv: 'takes float16 on other devices',
  BiasAdd: 'runs on other devices',
  DynamicQuantizeLSTM: 'has eleven operands',
  AttnLSTM: 'has fourteen operands',
  GatherBlockQuantized: 'looks up rows by whole numbers',
  EmbedLayerNormalization: 'looks up words',
  GroupQueryAttention: 'reads what it wrote in earlier runs',
};

/** The cases of an operator by name; empty when it has none. */
export function casesOf(operator: Operator): Readonly<Record<string, Case>> {
  const own = operator.domain === '' ? OWN[operator.name] : CONTRIBUTED[operator.name];
  return own ?? derived(operator);
}
