/** Networks with one operator each between the layers, or with an operator that is a layer itself. */
import { ModelBuilder } from './build-model.js';
import { type Case, convolution, normalisation, product, SAME, twice, twiceAcross } from './width-cases.js';

const MICROSOFT = 'com.microsoft';

function contributed(
  b: ModelBuilder,
  type: string,
  inputs: readonly string[],
  attributes: Parameters<ModelBuilder['node']>[2] = {},
): string {
  const name = b.name(type.toLowerCase());
  return b.node(type, inputs, attributes, [name], name, MICROSOFT);
}

/** fc1 of eight neurons, something, fc2. */
function between(body: (b: ModelBuilder, h: string) => string, more: Partial<Case> = {}): Case {
  return {
    shape: [3, 6],
    build(b) {
      const h = product(b, b.input('x', [undefined, 6]), 'fc1', 6, 8, 1);
      b.output(product(b, body(b, h), 'fc2', 8, 4, 3), [undefined, 4]);
    },
    widths: ['fc1 8 1: fc1 > fc2', 'fc2: add is an output of the model'],
    ...more,
  };
}

/** A convolution to eight channels on 6×6 places, something, another to four. */
function channels(
  body: (b: ModelBuilder, h: string) => string,
  width: string,
  { read = 8, size = 6, ...more }: Partial<Case> & { read?: number; size?: number } = {},
): Case {
  return {
    shape: [2, 3, 6, 6],
    build(b) {
      const h = convolution(b, b.input('x', [undefined, 3, 6, 6]), 'first', [3, 8, 3], SAME);
      b.output(convolution(b, body(b, h), 'last', [read, 4, 1]), [undefined, 4, size, size]);
    },
    widths: [width, 'last: conv is an output of the model'],
    ...more,
  };
}

/** A graph of one operator on a tensor of the graph around it. */
function branch(type: string, read: string): { graph: ReturnType<ModelBuilder['graph']> } {
  const inner = new ModelBuilder(17);
  return { graph: inner.output(inner.node(type, [read])).graph() };
}

const KEPT = 'first 8 1: first > last';

export const OPERATOR_CASES: Readonly<Record<string, Case>> = {
  'a branch that reads from outside': between(
    (b, h) => b.node('If', [b.truth()], { then_branch: branch('Relu', h), else_branch: branch('Tanh', h) }),
    { widths: ['fc1: If if runs graphs of its own', 'fc2: add is an output of the model'] },
  ),
  'onnxruntime: BiasGelu': between((b, h) =>
    contributed(b, 'BiasGelu', [h, b.weight('shift', [8], twice(8, 1, 9))]),
  ),
  'onnxruntime: FastGelu with a bias': between((b, h) =>
    contributed(b, 'FastGelu', [h, b.weight('shift', [8], twice(8, 1, 9))]),
  ),
  'onnxruntime: QuickGelu': between((b, h) => contributed(b, 'QuickGelu', [h], { alpha: { float: 1.7 } })),
  'onnxruntime: FusedMatMul with transposed weights': {
    shape: [3, 6],
    build(b) {
      const first = b.weight('fc1.weight', [8, 6], twice(8, 6, 1));
      const h = contributed(b, 'FusedMatMul', [b.input('x', [undefined, 6]), first], {
        transB: 1,
        alpha: { float: 0.5 },
      });
      const second = b.weight('fc2.weight', [8, 4], twiceAcross(4, 8, 5).slice());
      b.output(contributed(b, 'FusedMatMul', [b.node('Relu', [h]), second]), [undefined, 4]);
    },
    widths: ['fc1 8 1: fc1 > fc2', 'fc2: fusedmatmul is an output of the model'],
  },
  'onnxruntime: FusedGemm': {
    shape: [3, 6],
    build(b) {
      const first = b.weight('fc1.weight', [8, 6], twice(8, 6, 1));
      const h = contributed(
        b,
        'FusedGemm',
        [b.input('x', [undefined, 6]), first, b.weight('fc1.bias', [8], twice(8, 1, 2))],
        { transB: 1, activation: { text: 'Relu' } },
      );
      b.output(product(b, h, 'fc2', 8, 4, 3), [undefined, 4]);
    },
    widths: ['fc1 8 1: fc1 > fc2', 'fc2: add is an output of the model'],
  },
  'onnxruntime: FusedConv with a sum': {
    shape: [2, 3, 6, 6],
    build(b) {
      const x = b.input('x', [undefined, 3, 6, 6]);
      const stem = convolution(b, x, 'stem', [3, 8, 3], SAME);
      const inner = convolution(b, stem, 'inner', [8, 6, 1]);
      const filters = b.weight('outer.weight', [8, 6, 1, 1], twice(8, 6, 4));
      const bias = b.weight('outer.bias', [8], twice(8, 1, 5));
      const sum = contributed(b, 'FusedConv', [inner, filters, bias, stem], {
        kernel_shape: [1, 1],
        activation: { text: 'Relu' },
      });
      b.output(convolution(b, sum, 'last', [8, 4, 1]), [undefined, 4, 6, 6]);
    },
    widths: [
      'stem 8 1: stem,outer > inner,last',
      'inner 6 1: inner > outer',
      'last: conv is an output of the model',
    ],
  },
  'onnxruntime: SkipLayerNormalization keeps what it normalises': between(
    (b, h) =>
      contributed(
        b,
        'SkipLayerNormalization',
        [
          b.node('Unsqueeze', [h, b.integers([0])]),
          b.node('Unsqueeze', [h, b.integers([0])]),
          b.weight('scale', [8], twice(8, 1, 4)),
        ],
        { epsilon: { float: 1e-5 } },
      ),
    {
      build(b) {
        const h = product(b, b.input('x', [undefined, 5, 6]), 'fc1', 6, 8, 1);
        const inner = product(b, h, 'up', 8, 8, 6);
        const sum = contributed(b, 'SkipLayerNormalization', [
          h,
          product(b, b.node('Relu', [inner]), 'down', 8, 8, 2),
          b.weight('scale', [8], twice(8, 1, 4)),
        ]);
        b.output(product(b, sum, 'fc2', 8, 4, 3), [undefined, 5, 4]);
      },
      shape: [2, 5, 6],
      widths: [
        'fc1: SkipLayerNormalization skiplayernormalization normalises over them',
        'up 8 1: up > down',
        'fc2: add is an output of the model',
      ],
    },
  ),
  'a normalisation of every channel by its positions': channels(
    (b, h) =>
      b.node('InstanceNormalization', [
        h,
        b.weight('scale', [8], twice(8, 1, 4)),
        b.weight('shift', [8], twice(8, 1, 5)),
      ]),
    KEPT,
  ),
  'a group normalisation as exporters write it': channels((b, h) => {
    const groups = b.node('Reshape', [h, b.integers([0, 2, -1])]);
    const ones = b.weight('ones', [2], Float32Array.of(1, 1));
    const zeros = b.weight('zeros', [2], Float32Array.of(0, 0));
    const even = b.node('InstanceNormalization', [groups, ones, zeros]);
    return b.node('Reshape', [even, b.integers([0, 8, 6, 6])]);
  }, 'first: InstanceNormalization instancenormalization normalises over them'),
  'a root of the mean of squares over the positions': channels(
    (b, h) => b.node('LpNormalization', [h], { axis: -1 }),
    KEPT,
  ),
  'squares of channels that become positions': channels(
    (b, h) => b.node('DepthToSpace', [h], { blocksize: 2 }),
    'first 2 1: first > last',
    { read: 2, size: 12, distinct: true },
  ),
  'the same, whose channels are neighbours': channels(
    (b, h) => b.node('DepthToSpace', [h], { blocksize: 2, mode: { text: 'CRD' } }),
    'first 2 1: first > last',
    { read: 2, size: 12, distinct: true },
  ),
  'squares of positions that become channels': channels(
    (b, h) => b.node('SpaceToDepth', [h], { blocksize: 2 }),
    KEPT,
    { read: 32, size: 3 },
  ),
  'channels that are shuffled': channels((b, h) => {
    const apart = b.node('Reshape', [h, b.integers([0, 2, 4, 6, 6])]);
    const turned = b.node('Transpose', [apart], { perm: [0, 2, 1, 3, 4] });
    return b.node('Reshape', [turned, b.integers([0, 8, 6, 6])]);
  }, 'first 8 2: first > last'),
  'channels in another order': channels(
    (b, h) => b.node('Gather', [h, b.integers([7, 1, 0, 2, -2, 3, 5, 4])], { axis: 1 }),
    KEPT,
  ),
  'some of the channels, one of them twice': channels(
    (b, h) => b.node('Gather', [h, b.integers([7, 1, 1, 3, 5])], { axis: 1 }),
    'first:2 4 1: first > last',
    {
      read: 5,
      distinct: true,
      widths: ['first:1 4 1: first > ', 'first:2 4 1: first > last', 'last: conv is an output of the model'],
    },
  ),
  'a cut of several axes at once': {
    shape: [2, 3, 6, 6],
    build(b) {
      const h = convolution(b, b.input('x', [undefined, 3, 6, 6]), 'first', [3, 8, 3], SAME);
      const bounds = [
        [1, 2, 0],
        [5, 6, 5],
        [2, 1, 3],
        [1, 1, 1],
      ];
      const cut = b.node('Slice', [h, ...bounds.map((numbers) => b.integers(numbers))]);
      b.output(convolution(b, cut, 'last', [4, 4, 1]), [undefined, 4, 4, 5]);
    },
    widths: ['first:1 4 1: first > ', 'first:2 4 1: first > last', 'last: conv is an output of the model'],
    distinct: true,
  },
  'parts of different lengths': {
    shape: [3, 6],
    opset: 11,
    build(b) {
      const h = product(b, b.input('x', [undefined, 6]), 'fc1', 6, 8, 1);
      const [left, right] = [b.name('left'), b.name('right')];
      b.node('Split', [h], { axis: 1, split: [2, 6] }, [left, right]);
      const both = b.node('Concat', [b.node('Relu', [right]), b.node('Tanh', [left])], { axis: 1 });
      b.output(product(b, both, 'fc2', 8, 4, 3), [undefined, 4]);
    },
    widths: ['fc1 8 1: fc1 > fc2', 'fc2: add is an output of the model'],
    distinct: true,
  },
  'a transposed convolution in groups': channels(
    (b, h) => {
      const filters = b.weight('up.weight', [8, 4, 2, 2], twice(8, 16, 4));
      return b.node('ConvTranspose', [h, filters, b.weight('up.bias', [8], twice(8, 1, 5))], {
        kernel_shape: [2, 2],
        strides: [2, 2],
        group: 2,
      });
    },
    'first 8 2: first > up',
    {
      size: 12,
      widths: ['first 8 2: first > up', 'up 8 2: up > last', 'last: conv is an output of the model'],
    },
  ),
  'a transposed convolution of every channel': channels(
    (b, h) => {
      const filters = b.weight('up.weight', [8, 1, 2, 2], twice(8, 4, 4));
      return b.node('ConvTranspose', [h, filters], { kernel_shape: [2, 2], strides: [2, 2], group: 8 });
    },
    KEPT,
    { size: 12 },
  ),
  'groups that are read in other groups': channels(
    (b, h) => {
      const two = b.weight('two.weight', [8, 4, 1, 1], twice(8, 4, 4));
      const first = b.node('Relu', [b.node('Conv', [h, two], { kernel_shape: [1, 1], group: 2 })]);
      const four = b.weight('four.weight', [8, 2, 1, 1], twice(8, 2, 6));
      return b.node('Conv', [first, four], { kernel_shape: [1, 1], group: 4 });
    },
    '',
    {
      widths: [
        'first 8 2: first > two',
        'two 8 4: two > four',
        'four 8 4: four > last',
        'last: conv is an output of the model',
      ],
    },
  ),
  'axes that come and go': channels((b, h) => {
    const more = b.node('Unsqueeze', [h, b.integers([1, 4])]);
    const turned = b.node('Transpose', [more], { perm: [0, 3, 2, 5, 4, 1] });
    const back = b.node('Transpose', [b.node('Squeeze', [turned, b.integers([4, 5])])], {
      perm: [0, 2, 1, 3],
    });
    return normalisation(b, back, 8);
  }, KEPT),
  'a mean over positions that are given as an input': {
    shape: [2, 3, 6, 6],
    opset: 18,
    build(b) {
      const h = convolution(b, b.input('x', [undefined, 3, 6, 6]), 'conv', [3, 8, 3], SAME);
      const mean = b.node('ReduceMean', [b.node('Relu', [h]), b.integers([2, 3])], { keepdims: 0 });
      b.output(product(b, mean, 'fc', 8, 4, 3), [undefined, 4]);
    },
    widths: ['conv 8 1: conv > fc', 'fc: add is an output of the model'],
  },
  'slopes per channel in a vector over positions': channels(
    (b, h) => b.node('PRelu', [h, b.weight('slope', [1, 8, 1, 1], twice(8, 1, 4))]),
    KEPT,
  ),
  'dropout as in training, switched off': between((b, h) => {
    const [kept, mask] = [b.name('kept'), b.name('mask')];
    b.node('Dropout', [h, b.weight('ratio', [], Float32Array.of(0.5))], {}, [kept, mask]);
    return kept;
  }),
  'a normalisation over the features': between(
    (b, h) => b.node('LayerNormalization', [h, b.weight('scale', [8], twice(8, 1, 4))], { axis: -1 }),
    {
      opset: 17,
      widths: [
        'fc1: LayerNormalization layernormalization normalises over them',
        'fc2: add is an output of the model',
      ],
    },
  ),
  'a normalisation over positions': channels(
    (b, h) => b.node('LayerNormalization', [h, b.weight('scale', [6], twice(6, 1, 4))], { axis: -1 }),
    KEPT,
    { opset: 17 },
  ),
  'a recurrent layer': {
    shape: [3, 2, 6],
    build(b) {
      const h = product(b, b.input('x', [3, undefined, 6]), 'fc1', 6, 8, 1);
      const y = b.name('y');
      b.node('LSTM', [h, b.weight('w', [1, 16, 8]), b.weight('r', [1, 16, 4])], { hidden_size: 4 }, [y]);
      b.output(product(b, b.node('Squeeze', [y, b.integers([1])]), 'fc2', 4, 4, 3), [3, undefined, 4]);
    },
    widths: ['fc1: LSTM y feeds its outputs back to its gates', 'fc2: add is an output of the model'],
  },
};
