import { expect, test } from 'vitest';
import type { DenseMatrix, FeatureLayer, FilterWindow, Model, Tensor } from '../../src/index.js';
import { portableEngine } from '../../src/index.js';
import type { DepthwiseFilters } from '../../src/reconstruction/between.js';
import { BlockError } from '../../src/reconstruction/block-error.js';
import type { BlockSamples, Chunk } from '../../src/reconstruction/block-samples.js';
import { allRows, readPlaces, readRows } from '../../src/reconstruction/tensor-rows.js';
import type { BlockLayer, WidthBlock } from '../../src/reconstruction/width-block.js';
import { randomMatrix, randomValues } from '../naive.js';

const window: FilterWindow = {
  kernel: [3],
  strides: [1],
  dilations: [1],
  pads: [[1, 1]],
  channels: 'first',
};

const sizes = { samples: 4, length: 5, inputs: 2, features: 3, outputs: 2 };

function blockLayer(
  name: string,
  [inputs, outputs]: number[],
  bias: boolean,
  io: [string, string],
): BlockLayer {
  const layer: FeatureLayer = {
    name,
    kind: 'convolution',
    inputs: inputs!,
    outputs: outputs!,
    span: 3,
    groups: 1,
    window,
    bias,
    shared: false,
  };
  return { layer, reading: { axis: -2, window }, input: io[0], output: io[1], makes: -2 };
}

/** h = a · tanh a in between, which a stand-in for a format computes. */
const between = (value: number): number => value * Math.tanh(value);
const model = {
  features: {
    observe: ([made]: string[], [given]: string[]) => ({
      session: async () => ({
        run: async ({ [given!]: x }: Record<string, Tensor>) => ({
          [made!]: { ...x!, data: x!.data.map(between) },
        }),
        release: async () => {},
      }),
    }),
  },
} as unknown as Model;

interface SetUp {
  readonly block: WidthBlock;
  readonly samples: BlockSamples;
  readonly start: DenseMatrix[];
  readonly filters: DepthwiseFilters[];
}

/** Two convolutions over a signal, one with a bias. */
function setUp(): SetUp {
  const { samples, length, inputs, features, outputs } = sizes;
  const block = {
    makers: [blockLayer('first', [inputs, features], true, ['x', 'a'])],
    readers: [blockLayer('second', [features, outputs], false, ['h', 'y'])],
    depthwise: [],
  };
  const xShape = [samples, inputs, length];
  const hShape = [samples, features, length];
  const x = allRows({ shape: xShape, data: randomValues(samples * inputs * length, 1) }, -2);
  const places = {
    makers: [readPlaces(xShape, -2, window)],
    readers: [readPlaces(hShape, -2, window)],
    depthwise: [],
    shapes: [hShape],
  };
  const chunk: Chunk = {
    read: [readRows(x, places.makers[0]!)],
    targets: [randomMatrix(samples * length, outputs, 2)],
    hidden: [],
    entries: samples,
  };
  const start = [randomMatrix(features, 3 * inputs + 1, 3), randomMatrix(outputs, 3 * features + 1, 4)];
  for (let o = 0; o < outputs; o++) start[1]!.data[o * start[1]!.cols + 3 * features] = 0;
  return { block, samples: { train: [chunk], held: [chunk], places }, start, filters: [] };
}

/** The same with a depthwise convolution between, which takes every second place: x → a → u ⇒ v → h → y. */
function withDepthwise(): SetUp {
  const { block, samples, start } = setUp();
  const { features, outputs, samples: count, length } = sizes;
  const own: FilterWindow = { ...window, strides: [2] };
  const { layer } = blockLayer('filters', [features, features], true, ['u', 'v']);
  const depthwise = [
    { layer: { ...layer, groups: features, window: own }, input: 'u', output: 'v', axis: -2 },
  ];
  const half = [count, features, Math.ceil(length / 2)];
  const [chunk] = samples.train;
  const targets = [randomMatrix(count * half[2]!, outputs, 2)];
  const [long] = samples.places.shapes;
  const places = {
    makers: samples.places.makers,
    readers: [readPlaces(half, -2, window)],
    depthwise: [readPlaces(long!, -2, own)],
    shapes: [long!, half],
  };
  const chunks = [{ ...chunk!, targets }];
  return {
    block: { ...block, depthwise },
    samples: { train: chunks, held: chunks, places },
    start,
    filters: [{ weights: randomMatrix(features, 3, 6), bias: randomValues(features, 7) }],
  };
}

test.each([
  ['a convolution', setUp],
  ['a convolution, a depthwise one', withDepthwise],
])(
  '%s and another: the gradient is that of the error, and nothing falls on a bias that there is not',
  async (_, build) => {
    const { block, samples, start, filters } = build();
    const error = await BlockError.open(block, samples, start, filters, model, portableEngine);
    const point = Float64Array.from(start.flatMap(({ data }) => [...data]));
    const { value, gradient } = await error.evaluate(point);
    expect(value).toBeCloseTo(await error.held(point), 5);
    const { cols } = start[1]!;
    for (const [i, slope] of gradient.entries()) {
      const inReader = i - start[0]!.data.length;
      if (inReader >= 0 && inReader % cols === cols - 1) {
        expect(slope).toBe(0);
        continue;
      }
      const at = (step: number): Promise<number> => error.held(point.with(i, point[i]! + step));
      const found = ((await at(0.01)) - (await at(-0.01))) / 0.02;
      expect(Math.abs(slope - found), `weight ${i}`).toBeLessThan(0.01 * (1 + Math.abs(found)));
    }
    await error.release();
  },
);

test.each([
  ['a convolution', setUp],
  ['a convolution, a depthwise one', withDepthwise],
])('%s and another: steps along the preconditioned gradient bring the error down', async (_, build) => {
  const { block, samples, start, filters } = build();
  const error = await BlockError.open(block, samples, start, filters, model, portableEngine);
  const point = Float64Array.from(start.flatMap(({ data }) => [...data]));
  const { value, gradient } = await error.evaluate(point);
  const direction = await (await error.preconditioner(point))(gradient);
  const slope = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
  expect(slope).toBeGreaterThan(0);
  const after = await error.evaluate(point.map((x, i) => x - 0.5 * direction[i]!));
  // As far as its units are right: half a step is worth a good part of what its slope foretells.
  expect(value - after.value).toBeGreaterThan(0.1 * slope);
  await error.release();
});

test('a network that gives something else there is told apart', async () => {
  const { block, samples, start } = setUp();
  const error = await BlockError.open(block, samples, start, [], model, portableEngine);
  const [chunk] = samples.train;
  const made = await portableEngine.multiply(chunk!.read[0]!, {
    rows: start[0]!.cols,
    cols: start[0]!.rows,
    data: Float32Array.from({ length: start[0]!.data.length }, (_, i) => {
      const [c, o] = [Math.floor(i / start[0]!.rows), i % start[0]!.rows];
      return start[0]!.data[o * start[0]!.cols + c]!;
    }),
  });
  const hidden = { ...made, data: made.data.map(between) };
  const withHidden = async (factor: number): Promise<boolean> => {
    const own = { ...hidden, data: hidden.data.map((value) => factor * value) };
    const train = [{ ...chunk!, hidden: [own] }];
    return (await BlockError.open(block, { ...samples, train }, start, [], model, portableEngine)).agrees(
      start,
    );
  };
  expect(await withHidden(1)).toBe(true);
  expect(await withHidden(1.01)).toBe(false);
  await error.release();
});
