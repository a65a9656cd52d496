/** Graphs between two layers that reach the reasons of folding which no operator alone does. */
import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType as DataType, FunctionProtoSchema, NodeProtoSchema } from 'onnx-buf';
import { ModelBuilder } from '../build-model.js';

/** What the layer before makes. */
type Start = 'features' | 'tokens' | 'images';
export interface FoldCase {
  readonly from: Start;
  /** Adds what stands between, and returns what the layer `target` reads. */
  readonly add: (b: ModelBuilder, h: string) => string;
  /** Columns of the layer `target`; 8 when left out, as many as the layer before makes. */
  readonly columns?: number;
  readonly opset?: number;
}

const WINDOW = { kernel_shape: [1, 1] };
const flat = (b: ModelBuilder, x: string) => b.node('Flatten', [x]);
const pooled = (b: ModelBuilder, x: string) => flat(b, b.node('GlobalAveragePool', [x]));
const relu = (b: ModelBuilder, x: string) => b.node('Relu', [x], {}, ['relu']);
const vectors = (b: ModelBuilder, count: number, size: number) =>
  Array.from({ length: count }, (_, i) =>
    b.weight(`vector${i}`, [size], new Float32Array(size).fill(0.5 + i / 4)),
  );
const features = (add: FoldCase['add'], opset?: number): FoldCase => ({
  from: 'features',
  add,
  ...(opset === undefined ? {} : { opset }),
});
const images = (add: FoldCase['add'], columns?: number): FoldCase => ({
  from: 'images',
  add,
  ...(columns === undefined ? {} : { columns }),
});

export const FOLD_CASES: Readonly<Record<string, FoldCase>> = {
  'nothing between': features((_, h) => h),
  'the factors into a Mul, the order further': features((b, h) =>
    relu(b, b.node('Mul', [h, ...vectors(b, 1, 8)], {}, ['scaled'])),
  ),
  'an output of the model': features((b, h) => {
    b.output(h);
    return relu(b, h);
  }),
  'an input of the model': features((b) => relu(b, b.input('other', [2, 8]))),
  'features that each feed two columns': {
    from: 'features',
    add: (b, h) =>
      b.node('Concat', [b.node('PRelu', [h, ...vectors(b, 1, 8)], {}, ['slopes']), h], { axis: 1 }),
    columns: 16,
  },
  'weights that two layers share': features((b, h) => {
    b.node('MatMul', ['x', 'before.weight'], {}, ['twin']);
    b.output('twin');
    return relu(b, h);
  }),
  'a layer that adds a tensor of another kind': features((b) => {
    const c = b.weight('c', [2, 8]);
    return b.node('Gemm', ['x', b.weight('foreign.weight', [6, 8]), c], {}, ['foreign']);
  }),
  'two samples as one': {
    from: 'features',
    add: (b, h) => b.node('Reshape', [relu(b, h), b.integers([-1, 16])]),
    columns: 16,
  },
  'all samples as one, flattened': {
    from: 'features',
    add: (b, h) => b.node('Flatten', [relu(b, h)], { axis: 0 }),
    columns: 16,
  },
  'slopes behind samples that became one': {
    from: 'tokens',
    add: (b, h) =>
      b.node('Flatten', [b.node('PRelu', [h, b.weight('slopes', [8])], {}, ['prelu'])], { axis: 0 }),
    columns: 64,
  },
  'tokens side by side': {
    from: 'tokens',
    add: (b, h) => flat(b, relu(b, h)),
    columns: 32,
  },
  'a call of a function': features((b, h) => {
    const node = create(NodeProtoSchema, { opType: 'Relu', input: ['x'], output: ['y'] });
    const block = { name: 'Block', domain: 'own', input: ['x'], output: ['y'], node: [node] };
    b.functions.push(create(FunctionProtoSchema, block));
    return b.node('Block', [h], {}, ['called'], 'called', 'own');
  }),
  'an operator of another domain': features((b, h) => b.node('Relu', [h], {}, ['own'], 'own', 'my.domain')),
  'the mask of a Dropout': features((b, h) => {
    b.node('Dropout', [h], {}, ['kept', 'mask']);
    return b.node('Cast', ['mask'], { to: DataType.FLOAT }, ['cast']);
  }),
  'a Dropout in training': features((b, h) =>
    b.node('Dropout', [h, b.weight('share', [], Float32Array.of(0)), b.truth()], {}, ['dropout']),
  ),
  'columns on another axis': features((b, h) => b.node('Transpose', [relu(b, h)], { perm: [1, 0] })),
  'a constant for each sample and feature': features((b, h) =>
    b.node('Add', [h, b.weight('map', [2, 8])], {}, ['mapped']),
  ),
  'slopes for each sample': features((b, h) =>
    b.node('PRelu', [h, b.weight('slopes', [2, 8])], {}, ['prelu']),
  ),
  'a choice by feature': features((b, h) =>
    b.node('Where', [b.truth(), h, b.weight('others', [8])], {}, ['where']),
  ),
  'a bias that is no constant': features((b, h) =>
    b.node('BiasGelu', [h, b.input('bias', [8])], {}, ['gelu'], 'gelu', 'com.microsoft'),
  ),
  'scales that are no constants': features((b, h) => {
    const q = b.node('QuantizeLinear', [h, b.input('scale', [])], {}, ['q']);
    return b.node('DequantizeLinear', [q, b.weight('back', [], Float32Array.of(1))], {}, ['dq']);
  }),
  'a mean over the features': features((b, h) =>
    b.node('Expand', [b.node('ReduceMean', [h], { axes: [1] }, ['mean']), b.integers([2, 8])]),
  ),
  'a mean over the samples': features((b, h) =>
    b.node('ReduceMean', [h], { axes: [0], keepdims: 1 }, ['mean']),
  ),
  'the mean of features alone': {
    from: 'features',
    add: (b, h) => b.node('ReduceMean', [h], { axes: [1] }, ['mean']),
    columns: 1,
  },
  'groups of tokens': {
    from: 'tokens',
    add: (b, h) => b.node('GroupNormalization', [h, ...vectors(b, 2, 4)], { num_groups: 2 }, ['norm']),
    opset: 21,
  },
  'neighbouring tokens': {
    from: 'tokens',
    add: (b, h) => b.node('LRN', [h], { size: 3 }, ['norm']),
  },
  'places of the largest': {
    from: 'tokens',
    add: (b, h) => {
      const places = b.node('ArgMax', [h], { axis: 1, keepdims: 0 }, ['places']);
      return b.node('Cast', [places], { to: DataType.FLOAT }, ['cast']);
    },
  },
  'one scale for all': features((b, h) => {
    b.node('DynamicQuantizeLinear', [h], {}, ['q', 'scale', 'zero']);
    return b.node('Cast', ['q'], { to: DataType.FLOAT }, ['cast']);
  }),
  frequencies: {
    from: 'features',
    add: (b, h) => b.node('DFT', [h], { axis: 0 }, ['dft']),
    opset: 17,
  },
  'windows along the features': {
    from: 'tokens',
    add: (b, h) => b.node('MaxPool', [h], { kernel_shape: [1] }, ['windows']),
  },
  'an axis less of unknown rank': features((b) => {
    const x = b.input('other', [2, 8, 3]);
    const ids = b.input('ids', [2], DataType.INT64);
    return b.node('Squeeze', [b.node('UnknownOp', [x, ids], {}, ['made']), b.integers([1])], {}, ['less']);
  }),
  'γ and β of a decomposed normalisation': features((b, h) => {
    const centred = b.node('Sub', [h, b.node('ReduceMean', [h], { axes: [-1] })]);
    const squares = b.node('Pow', [centred, b.weight('two', [], Float32Array.of(2))]);
    const variance = b.node('ReduceMean', [squares], { axes: [-1] });
    const spread = b.node('Sqrt', [b.node('Add', [variance, b.weight('ε', [], Float32Array.of(1e-5))])]);
    const [gamma, beta] = vectors(b, 2, 8);
    const scaled = b.node('Mul', [b.node('Div', [centred, spread], {}, ['normal']), gamma!], {}, ['scaled']);
    return relu(b, b.node('Add', [scaled, beta!], {}, ['shifted']));
  }),
  'γ of a decomposed root mean square': features((b, h) => {
    const squares = b.node('ReduceMean', [b.node('Mul', [h, h])], { axes: [-1] });
    const one = b.weight('one', [], Float32Array.of(1));
    const inverse = b.node('Div', [one, b.node('Sqrt', [b.node('Add', [squares, one])])]);
    return b.node('Mul', [b.node('Mul', [h, inverse], {}, ['normal']), ...vectors(b, 1, 8)], {}, ['scaled']);
  }),
  'shares of a sum over tokens': {
    from: 'tokens',
    add: (b, h) => b.node('Div', [h, b.node('ReduceSum', [h, b.integers([1])])], {}, ['shares']),
  },
  'two activations, one by the other': features((b, h) => b.node('Div', [h, relu(b, h)], {}, ['quotient'])),
  'γ and β': features(
    (b, h) => relu(b, b.node('LayerNormalization', [h, ...vectors(b, 2, 8)], {}, ['norm'])),
    17,
  ),
  'γ and β behind what is not homogeneous': features(
    (b, h) =>
      b.node('Tanh', [b.node('LayerNormalization', [h, ...vectors(b, 2, 8)], {}, ['norm'])], {}, ['tanh']),
    17,
  ),
  'γ that no constant gives': features(
    (b, h) => b.node('LayerNormalization', [h, b.input('gamma', [8])], {}, ['norm']),
    17,
  ),
  'a normalisation over tokens too': {
    from: 'tokens',
    add: (b, h) => b.node('LayerNormalization', [h, b.weight('gamma', [4, 8])], { axis: 1 }, ['norm']),
    opset: 17,
  },
  'batch statistics': {
    from: 'images',
    add: (b, h) =>
      pooled(b, b.node('BatchNormalization', [h, ...vectors(b, 4, 8)], { training_mode: 1 }, ['norm'])),
  },
  'statistics that are no constants': images((b, h) =>
    pooled(b, b.node('BatchNormalization', [h, ...vectors(b, 3, 8), b.input('variance', [8])], {}, ['norm'])),
  ),
  'filters that each feed a column': images(pooled),
  'filters that each feed nine columns': images((b, h) => flat(b, relu(b, h)), 72),
  'channels with a factor each, nine columns': images(
    (b, h) => flat(b, b.node('Mul', [h, b.weight('factors', [8, 1, 1])], {}, ['scaled'])),
    72,
  ),
  'filters in groups': images((b, h) =>
    pooled(b, b.node('Conv', [h, b.weight('grouped', [8, 4, 1, 1])], { group: 2 }, ['groups'])),
  ),
  'filters that an input gives': images((b, h) =>
    pooled(b, b.node('Conv', [h, b.input('filters', [8, 8, 1, 1])], WINDOW, ['conv2'])),
  ),
  'filters of unknown number': images((b, h) =>
    pooled(b, b.node('Conv', [h, b.input('filters', [undefined, 8, 1, 1])], WINDOW, ['conv2'])),
  ),
  'factors behind a Reshape over positions': images((b, h) => {
    const scaled = b.node('Mul', [h, b.weight('factors', [8, 1, 1])], {}, ['scaled']);
    return b.node('Reshape', [scaled, b.integers([-1, 8])]);
  }),
  'channels that a Reshape does not keep apart': images((b, h) =>
    b.node('Reshape', [h, b.integers([-1, 8])]),
  ),
  'weights of one activation by another': features((b, h) =>
    b.node('MatMul', [h, b.input('w', [8, 8])], {}, ['mix']),
  ),
};

/** The model of a case: `before`, or the convolution `conv`, then the case, then `target`. */
export function foldModel({ from, add, columns = 8, opset = 13 }: FoldCase): ModelBuilder {
  const b = new ModelBuilder(opset, 8);
  const started = () => {
    if (from === 'images') {
      const image = b.input('x', [2, 3, 3, 3]);
      return b.node('Conv', [image, b.weight('conv.weight', [8, 3, 1, 1])], {}, ['conv']);
    }
    const x = b.input('x', from === 'tokens' ? [2, 4, 6] : [2, 6]);
    const product = b.node('MatMul', [x, b.weight('before.weight', [6, 8])]);
    return b.node('Add', [product, b.weight('before.bias', [8])], {}, ['h']);
  };
  b.node('MatMul', [add(b, started()), b.weight('target.weight', [columns, 3])], {}, ['y']);
  return b.output('y');
}
