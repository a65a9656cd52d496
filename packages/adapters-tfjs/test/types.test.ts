/** What models take and give besides float32. */
import type { ElementType, Model, Tensor } from '@spherize/core';
import { describe, expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, tfl } from './build-layers-model.js';

async function run(model: Model, inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await model.session();
  try {
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

/** Casts its input to floats, and counts the largest of each row beside it. */
function graph(dtype: string): Promise<Model> {
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 3], dtype);
  b.node('Cast', 'y', [x], { SrcT: { type: dtype }, DstT: { type: 'DT_FLOAT' } });
  b.node('ArgMax', 'label', ['y', b.integers('axis', [1], true)], { output_type: { type: 'DT_INT64' } });
  return tfjsModel(b.output('label', [undefined], 'DT_INT64').output('y', [undefined, 3]).build());
}

describe('graph models', () => {
  test.each<[string, ElementType | undefined, number[], number]>([
    ['DT_FLOAT', undefined, [0.5, -1, 3], Number.NaN],
    ['DT_HALF', undefined, [0.5, -1, 3], Number.NaN],
    ['DT_UINT8', 'uint8', [0, 7, 255], 256],
    ['DT_INT8', 'int8', [-128, 7, 127], 128],
    ['DT_INT32', 'int32', [-5, 70_000, 0], 0.5],
    ['DT_INT64', 'int32', [-5, 70_000, 0], 2 ** 31],
    ['DT_BOOL', 'bool', [0, 1, 1], 2],
  ])('%s', async (dtype, type, values, wrong) => {
    const model = await graph(dtype);
    expect(model.inputs).toEqual([{ name: 'x', shape: [undefined, 3], ...(type && { type }) }]);
    expect(model.outputs.map((output) => output.type)).toEqual(['int32', undefined]);
    const { label, y } = await run(model, { x: { shape: [1, 3], data: Float64Array.from(values) } });
    expect(y).toEqual({ shape: [1, 3], data: Float32Array.from(values) });
    expect([...label!.data]).toEqual([values.indexOf(Math.max(...values))]);
    if (type === undefined) return;
    const x = { shape: [1, 3], data: Float64Array.of(0, wrong, 0) };
    await expect(run(model, { x })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      message: expect.stringContaining(`takes ${type}, whole numbers`),
    });
  });

  test.each(['DT_STRING', 'DT_COMPLEX64'])('%s is refused', async (dtype) => {
    const x = { shape: [1, 3], data: new Float32Array(3) };
    await expect(run(await graph(dtype), { x })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});

test.each<[string, ElementType | undefined]>([
  ['float32', undefined],
  ['int32', 'int32'],
  ['bool', 'bool'],
])('an input layer of %s', async (dtype, type) => {
  const input = tfl.input({ shape: [3], dtype: dtype as 'int32', name: 'x' });
  const output = tfl.layers.reshape({ name: 'y', targetShape: [3] }).apply(input);
  const artifacts = await artifactsOf(tfl.model({ inputs: input, outputs: output as tfl.SymbolicTensor }));
  const model = await tfjsModel(artifacts);
  expect(model.inputs).toEqual([{ name: 'x', shape: [undefined, 3], ...(type && { type }) }]);
  const { y } = await run(model, { x: { shape: [1, 3], data: Float32Array.of(0, 1, 1) } });
  expect([...y!.data]).toEqual([0, 1, 1]);
});
