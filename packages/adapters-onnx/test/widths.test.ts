/** Features leave models: with none gone, and with duplicates gone, the outputs stay as they are. */
import {
  findWidths,
  type Model,
  narrow,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
} from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { onnxBytes } from '../src/index.js';
import { onnxModel } from '../src/node.js';
import { decodeModel } from '../src/proto/decode-model.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';

/** Values `[rows, width]` of which the second half of the rows repeats the first. */
function twice(rows: number, width: number, seed: number): Float32Array {
  const half = randomValues((rows / 2) * width, seed);
  const values = new Float32Array(rows * width);
  values.set(half);
  values.set(half, half.length);
  return values;
}

/** `[inputs, outputs]` with equal columns, as a MatMul reads its weights. */
function twiceAcross(inputs: number, outputs: number, seed: number): Float32Array {
  const rows = twice(outputs, inputs, seed);
  return Float32Array.from(
    { length: rows.length },
    (_, at) => rows[(at % outputs) * inputs + Math.floor(at / outputs)]!,
  );
}

interface Case {
  readonly build: (b: ModelBuilder) => void;
  readonly shape: readonly number[];
  /** `name size blocks: producers > consumers`, or the reason. */
  readonly widths: readonly string[];
}

function product(
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

function convolution(
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

function normalisation(b: ModelBuilder, x: string, channels: number): string {
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

const SAME = { pads: [1, 1, 1, 1] };

const CASES: Readonly<Record<string, Case>> = {
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
    widths: ['q: no layer reads it', 'v 8 2: v > out', 'out: add is an output of the model'],
  },
};

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

function modelOf({ build }: Case): Model {
  const builder = new ModelBuilder();
  build(builder);
  return onnxModel(builder.build());
}

function inputsOf({ shape }: Case): Record<string, Tensor> {
  const size = shape.reduce((all, length) => all * length, 1);
  return { x: { shape, data: randomValues(size, 11) } };
}

async function outputOf(model: Model, inputs: Record<string, Tensor>): Promise<Tensor> {
  return (await run(model, inputs))[model.outputs[0]!.name]!;
}

function nodesOf(model: Model): string[] {
  return decodeModel(onnxBytes(model), 'the model').graph!.node.map(({ opType }) => opType);
}

describe.each(Object.entries(CASES))('%s', (_, own) => {
  const model = modelOf(own);
  const { graph } = model.features!;
  const found = findWidths(graph);

  test('has these widths', () => {
    const described = found.widths.map(({ name, size, blocks, producers, consumers, reason }) =>
      reason === undefined
        ? `${name} ${size} ${blocks.length}: ${producers} > ${consumers}`
        : `${name}: ${reason.replace(/_\d+/, '')}`,
    );
    expect(described).toEqual(own.widths);
  });

  test('computes the same where nothing leaves', async () => {
    expect(narrow(graph, found, new Set()).layers.size).toBe(0);
    const offered = found.widths.filter(({ reason }) => reason === undefined);
    const ratios = new Map(offered.map(({ name }) => [name, 0]));
    const { model: same } = await reduceNeurons(model, ratios, {
      engine: portableEngine,
      clusterer: spherical,
    });
    const inputs = inputsOf(own);
    expect(await outputOf(same, inputs)).toEqual(await outputOf(model, inputs));
  });

  test('computes the same where half of the features leave, which are duplicates', async () => {
    const inputs = inputsOf(own);
    const before = await outputOf(model, inputs);
    for (const { name, reason, blocks } of found.widths) {
      // Duplicates lie in the same block, or are two blocks that are alike.
      if (reason !== undefined || blocks.length > 1) continue;
      const { model: narrower } = await reduceNeurons(model, new Map([[name, 0.5]]), {
        engine: portableEngine,
        clusterer: spherical,
      });
      expect(narrower.parameters).toBeLessThan(model.parameters);
      expect(nodesOf(narrower)).toEqual(nodesOf(model));
      // Of a split, the two halves were alike: what leaves one is no duplicate in the other.
      if (name !== 'both') expectClose(await outputOf(narrower, inputs), before);
    }
  });

  test('computes what the original does with zeros for what leaves, for any share and with refitting', async () => {
    const inputs = inputsOf(own);
    const offered = found.widths.filter(({ reason }) => reason === undefined);
    for (const ratio of [0.3, 0.75]) {
      const ratios = new Map(offered.map(({ name }) => [name, ratio]));
      for (const refit of [false, true]) {
        const options = { engine: portableEngine, clusterer: spherical };
        const { model: narrower, masked } = await reduceNeurons(model, ratios, {
          ...options,
          ...(refit && { inputs: someInputs(own) }),
        });
        expectClose(await outputOf(narrower, inputs), await outputOf(masked, inputs));
        expect(narrower.parameters).toBeLessThan(model.parameters);
      }
    }
  });
});

function someInputs({ shape }: Case) {
  const size = shape.reduce((all, length) => all * length, 1);
  return {
    name: 'random',
    samples: 8 * shape[0]!,
    async *batches() {
      for (let i = 0; i < 8; i++) yield { x: { shape, data: randomValues(size, 100 + i) } };
    },
  };
}

test('with inputs, the error of what is left is small where features are sums of others', async () => {
  const builder = new ModelBuilder();
  const x = builder.input('x', [undefined, 6]);
  const made = builder.node('Gemm', [x, builder.weight('fc1.weight', [8, 6], dependent())], { transB: 1 });
  const read = builder.weight('fc2.weight', [3, 8], randomValues(24, 4));
  builder.output(builder.node('Gemm', [made, read], { transB: 1 }), [undefined, 3]);
  const model = onnxModel(builder.build());
  const own = { shape: [64, 6] } as unknown as Case;
  const { model: narrower } = await reduceNeurons(model, new Map([['fc1', 0.5]]), {
    engine: portableEngine,
    clusterer: spherical,
    inputs: someInputs(own),
  });
  const inputs = inputsOf(own);
  const [before, after] = [await outputOf(model, inputs), await outputOf(narrower, inputs)];
  const error = sum(Array.from(before.data, (y, i) => (y - after.data[i]!) ** 2));
  const norm = sum(Array.from(before.data, (y) => y * y));
  expect(error / norm).toBeLessThan(1e-3);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Eight rows of rank four. */
function dependent(): Float32Array {
  const basis = randomValues(24, 1);
  const mix = randomValues(32, 2);
  return Float32Array.from({ length: 48 }, (_, at) => {
    const [row, column] = [Math.floor(at / 6), at % 6];
    return [0, 1, 2, 3].reduce((sum, k) => sum + mix[row * 4 + k]! * basis[k * 6 + column]!, 0);
  });
}
