import { expect, test } from 'vitest';
import { outputFidelity } from '../../src/evaluation/output-fidelity.js';
import type { Model, Tensor } from '../../src/format/model-format.js';

/** A model of one output, and what it computes. */
function modelOf(run: (x: Tensor) => Tensor): Model {
  const session = async () => ({
    run: async ({ x }: Readonly<Record<string, Tensor>>) => ({ y: run(x!) }),
    release: async () => {},
  });
  return { inputs: [], outputs: [{ name: 'y', shape: [undefined, 2] }], session } as unknown as Model;
}

const inputs = {
  name: 'two samples',
  samples: 2,
  async *batches() {
    yield { x: { shape: [2, 2], data: Float32Array.of(1, 0, 0, 3) } };
  },
};
const same = modelOf((x) => x);
const turned = modelOf(({ shape, data }) => ({ shape, data: data.map((value) => 1 - value) }));
const broken = modelOf(() => {
  throw new Error('not for these');
});

test('what two models give is compared', async () => {
  expect(await outputFidelity(same, same, inputs)).toMatchObject({
    outputError: 0,
    cosine: 1,
    agreement: 1,
    samples: 2,
  });
  // Means 0.5 and 1.5, so Σ‖y − ȳ‖² = 5; the differences are 1, −1, −1 and 5.
  const { cosine, ...figures } = await outputFidelity(same, turned, inputs);
  expect(figures).toMatchObject({ outputError: 28 / 5, agreement: 0 });
  // [1, 0] and [0, 1] stand upright on each other; [0, 3] and [1, −2] have the cosine −2/√5.
  expect(cosine).toBeCloseTo(-1 / Math.sqrt(5), 10);
});

test('an original that does not run on the inputs has nothing to compare', async () => {
  expect(await outputFidelity(broken, same, inputs)).toEqual({
    outputError: null,
    cosine: null,
    agreement: null,
    samples: 0,
    inputs: 'two samples',
  });
});

test('a compressed model that does not run is no result', async () => {
  await expect(outputFidelity(same, broken, inputs)).rejects.toThrow('not for these');
});

test('the largest score is that of each word, where a model of words scores words', async () => {
  const texts = {
    name: 'texts',
    samples: 1,
    async *batches() {
      yield { ids: { shape: [1, 2], data: Float64Array.of(0, 1) } };
    },
  };
  const model = (scores: readonly number[], entries?: number): Model =>
    ({
      inputs: [{ name: 'ids', shape: [undefined, 2], type: 'int64', ...(entries && { entries }) }],
      outputs: [{ name: 'y', shape: [undefined, 2, 5] }],
      session: async () => ({
        run: async () => ({ y: { shape: [1, 2, 5], data: Float32Array.from(scores) } }),
        release: async () => {},
      }),
    }) as unknown as Model;
  const before = [1, 0, 0, 0, 0, 0, 2, 0, 0, 0];
  const after = [3, 0, 0, 0, 0, 0, 0, 2, 0, 0];
  expect(await outputFidelity(model(before, 5), model(after, 5), texts)).toMatchObject({ agreement: 0.5 });
  expect(await outputFidelity(model(before), model(after), texts)).toMatchObject({ agreement: null });
});
