/** What TensorFlow.js throws becomes one line that says what, where and what to do. */
import { InputError, type Model } from '@spherize/core';
import { expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, tfl } from './build-layers-model.js';

async function runOn(model: Model, shape: readonly number[]): Promise<unknown> {
  const session = await model.session();
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const tensors = Object.fromEntries(model.inputs.map(({ name }) => [name, { shape, data }]));
  try {
    return await session.run(tensors).catch((error: unknown) => error);
  } finally {
    await session.release();
  }
}

function graph(op: string): Promise<Model> {
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 4]);
  const y = b.node('MatMul', 'y', [b.node(op, 'odd', [x]), b.weight('w', [4, 3])]);
  return tfjsModel(b.output(y, [undefined, 3]).build());
}

const dense = async (): Promise<Model> =>
  tfjsModel(await artifactsOf(tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [4] })] })));

test.each([
  ['a LayersModel', dense],
  ['a GraphModel', () => graph('Relu')],
])('inputs of another shape are refused by %s', async (_, make) => {
  const error = await runOn(await make(), [2, 5]);
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({
    code: 'BAD_FILE',
    message: expect.stringMatching(/^TensorFlow\.js cannot run the model: .*; give inputs of its shapes/),
  });
});

test('values that do not fill their shape are refused in one line', async () => {
  const session = await (await dense()).session();
  const run = session.run({ dense_Dense1_input: { shape: [2, 4], data: new Float32Array(7) } });
  await expect(run.catch((error: unknown) => error)).resolves.toMatchObject({ code: expect.any(String) });
  await session.release();
});

test('an operation that TensorFlow.js does not have is named', async () => {
  await expect(runOn(await graph('FrobnicateV2'), [2, 4])).resolves.toMatchObject({
    code: 'UNSUPPORTED',
    message:
      'TensorFlow.js cannot run the model: it has no operation FrobnicateV2; register it with registerOp of ' +
      '@tensorflow/tfjs-converter and call the library, or convert the model without it',
  });
});

test('a kernel that the backend does not have is named, with the backend', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', [undefined, 4]);
  const y = b.node('Einsum', 'y', [x, b.weight('w', [4, 3])], {
    equation: { s: btoa('bi,ij->bj') },
    N: { i: '2' },
  });
  const model = await tfjsModel(b.output(y, [undefined, 3]).build());
  await expect(runOn(model, [2, 4])).resolves.toMatchObject({
    code: 'UNSUPPORTED',
    message:
      'TensorFlow.js cannot run the model: its backend wasm has no kernel Einsum; install @tensorflow/tfjs-node, whose backend ' +
      'has more of them, or convert the model without this operation',
  });
});
