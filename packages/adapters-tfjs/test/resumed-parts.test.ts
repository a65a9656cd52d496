/** Parts of a model go on from tensors that are given: bit for bit as the whole does, between its operations. */
import type { Model, Tensor } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder, randomValues } from './build-graph-model.js';
import { artifactsOf, randomWeights, tfl } from './build-layers-model.js';
import { NETWORKS as GRAPHS } from './graph-widths/networks.js';
import { PlantedBuilder } from './graph-widths/planted.js';
import { NETWORKS as LAYERS } from './layers-networks.js';

type Feeds = Readonly<Record<string, Tensor>>;

async function run(model: Model, feeds: Feeds): Promise<Feeds> {
  const session = await model.session();
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function randomInputs({ inputs }: Model): Feeds {
  return Object.fromEntries(
    inputs.map(({ name, shape, type }, i) => {
      const sizes = shape.map((size) => size ?? 3);
      const length = sizes.reduce((product, size) => product * size, 1);
      const values = randomValues(length, 5 + i);
      const data = type === 'int32' ? values.map((value) => Math.floor(Math.abs(value * 50) % 11)) : values;
      return [name, { shape: sizes, data }];
    }),
  );
}

/** What operations from some place on make, but for steps that only lead to a layer, or away from it. */
function madeFrom({ graph }: Model, at: number): string[] {
  return graph.operations
    .slice(at)
    .flatMap(({ flow, partOf, outputs }) => (partOf === undefined || flow.type === 'layer' ? outputs : []));
}

/** What crosses in front of each operation where the model can be cut, with what is made from there on. */
function cutsOf(model: Model): { across: string[]; later: string[] }[] {
  const { operations, outputs: given } = model.graph;
  const within = new Set(operations.flatMap(({ partOf, outputs }) => (partOf === undefined ? [] : outputs)));
  return operations.flatMap((_, at) => {
    const behind = operations.slice(at);
    const made = new Set(behind.flatMap(({ outputs }) => outputs));
    const read = [...behind.flatMap(({ inputs }) => inputs), ...given];
    const across = [...new Set(read)].filter((tensor) => !made.has(tensor));
    const whole = !across.some((tensor) => within.has(tensor));
    return at > 0 && whole ? [{ across, later: madeFrom(model, at) }] : [];
  });
}

async function goesOn(model: Model, inputs: Feeds = randomInputs(model)): Promise<void> {
  const features = model.features!;
  expect(features.resumes).toBe(true);
  const cuts = cutsOf(model);
  expect(cuts.length).toBeGreaterThan(0);
  const crossing = cuts.flatMap(({ across }) => across).filter((tensor) => !(tensor in inputs));
  const all = features.observe([...new Set([...madeFrom(model, 0), ...crossing])]);
  const whole: Feeds = { ...inputs, ...(await run(all, inputs)) };
  for (const { across, later } of cuts) {
    const asked = [...later, ...across.filter((tensor) => !(tensor in inputs))];
    const found = await run(features.observe(asked, across), whole);
    expect(Object.keys(found)).toEqual(asked);
    for (const tensor of asked) expect([tensor, found[tensor]]).toEqual([tensor, whole[tensor]]);
  }
  for (const { outputs, partOf } of model.graph.operations) {
    const [tensor] = outputs;
    if (partOf === undefined || !features.resumesWithin!(tensor!)) continue;
    const reader = model.graph.operations.find(({ inputs: read }) => read.includes(tensor!))!.outputs[0]!;
    const found = await run(features.observe([reader], [tensor!]), whole);
    // An activation of its own rounds differently from one that is fused.
    const expected = Array.from(whole[reader]!.data, (value) => expect.closeTo(value, 5));
    expect([...found[reader]!.data]).toEqual(expected);
  }
}

const once = Object.entries(LAYERS).filter(([what]) => !/twice|nothing that could leave/.test(what));

describe('graph models', () => {
  test.each(Object.entries(GRAPHS))('%s', async (_, { build, shape }) => {
    const b = new PlantedBuilder();
    build(b);
    const model = await tfjsModel(b.build());
    const size = shape.reduce((product, length) => product * length, 1);
    await goesOn(model, { x: { shape, data: randomValues(size, 11) } });
  });

  test('of two inputs, with tensors of whole numbers and truth values, second outputs and an order', async () => {
    const b = new GraphBuilder();
    const [x, y] = [b.input('x', [undefined, 8]), b.input('y', [undefined, 8])];
    const relu = ['BiasAdd', 'Relu'];
    const first = b.fused('_FusedMatMul', 'fc1', [x, b.weight('k1', [8, 12]), b.weight('b1', [12])], relu);
    b.node('Split', 'halves', [b.integers('axis', [1], true), first], { num_split: { i: '2' } });
    const second = b.fused('_FusedMatMul', 'fc2', [y, b.weight('k2', [8, 6]), b.weight('b2', [6])], relu);
    const large = b.node('Greater', 'large', ['halves', second]);
    const place = b.node('ArgMax', 'place', ['halves:1', b.integers('last', [1], true)]);
    const shape = b.node('Shape', 'shape', [second]);
    const third = b.node('MatMul', 'fc3', [second, b.weight('k3', [6, 6])]);
    const chosen = b.node('SelectV2', 'chosen', [large, third, 'halves:1']);
    const rows = b.node('GatherV2', 'rows', [chosen, place, b.integers('front', [0], true)]);
    const shaped = b.node('Reshape', 'shaped', [rows, shape, `^${large}`]);
    const last = b.node('MatMul', 'fc4', [shaped, b.weight('k4', [6, 4])]);
    const model = await tfjsModel(b.output(last, [undefined, 4]).build());
    const data = (seed: number) => ({ shape: [6, 8], data: randomValues(48, seed) });
    await goesOn(model, { x: data(1), y: data(2) });
  });

  test('what a fused node makes inside of itself is made again, and gone on from, where both are given', async () => {
    const b = new GraphBuilder();
    const window = { strides: { list: { i: ['1', '1', '1', '1'] } }, padding: { s: btoa('SAME') } };
    const attr = {
      ...window,
      dilations: { list: { i: ['1', '1', '1', '1'] } },
      data_format: { s: btoa('NHWC') },
    };
    const conv = (name: string, x: string, inputs: number, outputs: number) =>
      b.fused(
        '_FusedConv2D',
        name,
        [x, b.weight(`${name}/kernel`, [3, 3, inputs, outputs]), b.weight(`${name}/b`, [outputs])],
        ['BiasAdd', 'Relu6'],
        attr,
      );
    const y = conv('second', conv('first', b.input('x', [undefined, 5, 5, 2]), 2, 4), 4, 3);
    const model = await tfjsModel(b.output(y, [undefined, 5, 5, 3]).build());
    const features = model.features!;
    const inside = model.graph.operations.find(
      ({ flow }) => flow.type === 'layer' && flow.layer === 'second',
    );
    const tensor = inside!.outputs[0]!;
    expect(tensor).not.toBe('second');
    const inputs = randomInputs(model);
    const whole = await run(features.observe(['first', tensor, 'second']), inputs);
    expect(whole[tensor]!.data.some((value) => value < 0)).toBe(true);
    const part = features.observe([tensor, 'second', 'first'], ['first', 'x', tensor]);
    expect(part.inputs.map(({ name }) => name)).toEqual(['first', tensor]);
    const found = await run(part, whole);
    for (const name of ['first', tensor, 'second']) expect(found[name]).toEqual(whole[name]);
  });

  test('give a constant that is asked for as often as they run', async () => {
    const b = new GraphBuilder();
    const y = b.node('MatMul', 'y', [b.input('x', [undefined, 4]), b.weight('kernel', [4, 3])]);
    const model = await tfjsModel(b.output(y, [undefined, 3]).build());
    const session = await model.features!.observe(['kernel', 'y']).session();
    const inputs = randomInputs(model);
    const first = await session.run(inputs);
    expect(await session.run(inputs)).toEqual(first);
    await session.release();
  });

  test('whose tensors name lists in memory start at their inputs', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', [undefined, 4]);
    const list = b.node('TensorListFromTensor', 'list', [x, b.integers('shape', [4])]);
    const stacked = b.node('TensorListStack', 'stacked', [list, b.integers('size', [4])]);
    const y = b.node('MatMul', 'y', [stacked, b.weight('kernel', [4, 3])]);
    const model = await tfjsModel(b.output(y, [undefined, 3]).build());
    expect(model.features!.resumes).toBe(false);
  });
});

describe('LayersModels', () => {
  const opened = async (model: tfl.LayersModel): Promise<Model> =>
    tfjsModel(await artifactsOf(randomWeights(model)));

  test.each(once)('%s', async (_, { build }) => goesOn(await opened(build())));

  test('of two inputs', async () => {
    const [x, y] = ['x', 'y'].map((name) => tfl.input({ shape: [5], name })) as [
      tfl.SymbolicTensor,
      tfl.SymbolicTensor,
    ];
    const { dense, add } = tfl.layers;
    const first = dense({ units: 6, activation: 'tanh', name: 'first' }).apply(x) as tfl.SymbolicTensor;
    const second = dense({ units: 6, activation: 'relu', name: 'second' }).apply(y) as tfl.SymbolicTensor;
    const sum = add({ name: 'sum' }).apply([first, second]) as tfl.SymbolicTensor;
    const outputs = dense({ units: 2, name: 'last' }).apply([sum]) as tfl.SymbolicTensor;
    const model = await opened(tfl.model({ inputs: [x, y], outputs }));
    await goesOn(model);
    const part = model.features!.observe(['last'], ['first', 'y']);
    expect(part.inputs.map(({ name }) => name)).toEqual(['first', 'y']);
  });

  test.each(Object.entries(LAYERS).filter(([what]) => /called twice/.test(what)))(
    'start at their inputs where a name stands for several tensors: %s',
    async (_, { build }) => {
      expect((await opened(build())).features!.resumes).toBe(false);
    },
  );

  test('start at their inputs where masks are read', async () => {
    const { embedding, lstm, dense } = tfl.layers;
    const model = tfl.sequential({
      layers: [
        embedding({ inputDim: 9, outputDim: 4, inputLength: 5, maskZero: true }),
        lstm({ units: 3 }),
        dense({ units: 2 }),
      ],
    });
    expect((await opened(model)).features!.resumes).toBe(false);
  });
});
