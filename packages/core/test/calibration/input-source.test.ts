import { expect, test } from 'vitest';
import {
  InputError,
  type InputSource,
  sourcedInputs,
  type Tensor,
  type TensorInfo,
} from '../../src/index.js';

const inputs: TensorInfo[] = [{ name: 'x', shape: [undefined, 2] }];
const source = (...batches: Record<string, Tensor>[]): InputSource => ({
  name: 'own',
  *batches(_, { samples, seed }) {
    expect([samples, seed]).toEqual([3, 7]);
    yield* batches;
  },
});

async function all(own: InputSource): Promise<Readonly<Record<string, Tensor>>[]> {
  const batches: Readonly<Record<string, Tensor>>[] = [];
  for await (const batch of sourcedInputs(own, inputs, { samples: 3, seed: 7 }).batches())
    batches.push(batch);
  return batches;
}
const tensor = (shape: number[], length: number): Tensor => ({ shape, data: new Float32Array(length) });

test('what a source gives is handed on', async () => {
  const batches = [{ x: tensor([2, 2], 4) }, { x: tensor([1, 2], 2) }];
  expect(await all(source(...batches))).toEqual(batches);
});

test.each([
  [{ y: tensor([1, 2], 2) }, "gives nothing for input 'x': yield a tensor of that name"],
  [{ x: tensor([1, 3], 3) }, "gives input 'x' as [1, 3], but the model takes [any, 2]"],
  [{ x: tensor([2], 2) }, "gives input 'x' as [2], but the model takes [any, 2]"],
  [{ x: tensor([2, 2], 3) }, "gives 3 numbers for input 'x' of shape [2, 2]"],
])('what does not fit is the fault of the source: %j', async (batch, message) => {
  await expect(all(source(batch as Record<string, Tensor>))).rejects.toThrow(
    new InputError('BAD_PLUGIN', `input source 'own' ${message}`),
  );
});
