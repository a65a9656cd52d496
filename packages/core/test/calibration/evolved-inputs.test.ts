import { describe, expect, test } from 'vitest';
import {
  type EvolvedInputsOptions,
  evolvedInputs,
  float32Values,
  generatedInputs,
  type Model,
  type Progress,
  type Tensor,
} from '../../src/index.js';

const SHAPE = [undefined, 1, 12, 12];

/** A stand-in for a network: its outputs are a function of one image. */
function modelOf(
  scores: (image: Float32Array) => number[],
  shape: readonly (number | undefined)[] = SHAPE,
): Model {
  const input = { name: 'x', shape };
  return {
    inputs: [input],
    outputs: [{ name: 'y', shape: [] }],
    async session() {
      return {
        async run({ x }: Readonly<Record<string, Tensor>>) {
          const [count] = x!.shape as [number];
          const size = x!.data.length / count;
          const rows = Array.from({ length: count }, (_, i) =>
            scores(float32Values(x!).slice(i * size, (i + 1) * size)),
          );
          return { y: { shape: [count, rows[0]!.length], data: Float32Array.from(rows.flat()) } };
        },
        async release() {},
      };
    },
  } as unknown as Model;
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Class 1 is an upper half that is much brighter than the lower: rare among random images. */
const contrast = (image: Float32Array): number[] => [0.3, mean(image.slice(0, 72)) - mean(image.slice(72))];

async function all(model: Model, options: Partial<EvolvedInputsOptions> = {}): Promise<Tensor[]> {
  const inputs = evolvedInputs(model, model.inputs, { samples: 100, batch: 40, ...options });
  const tensors: Tensor[] = [];
  for await (const batch of inputs.batches()) tensors.push(batch.x!);
  return tensors;
}

const joined = (tensors: readonly Tensor[]): Float32Array =>
  Float32Array.from(tensors.flatMap(({ data }) => [...data]));

function share(images: Float32Array, scores: (image: Float32Array) => number[]): number {
  let ones = 0;
  for (let at = 0; at < images.length; at += 144) {
    const [first, second] = scores(images.slice(at, at + 144)) as [number, number];
    if (second > first) ones++;
  }
  return ones / (images.length / 144);
}

describe('evolved images', () => {
  test('are spread over the classes where random ones are not', async () => {
    const model = modelOf(contrast);
    const random: Tensor[] = [];
    const options = { samples: 100, batch: 40 };
    for await (const { x } of generatedInputs(model.inputs, options).batches()) random.push(x!);
    const before = share(joined(random), contrast);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(0.15);
    const tensors = await all(model);
    expect(tensors.map(({ shape }) => shape)).toEqual([
      [40, 1, 12, 12],
      [40, 1, 12, 12],
      [20, 1, 12, 12],
    ]);
    expect(share(joined(tensors), contrast)).toBeGreaterThan(0.4);
  });

  test('are the same at every call, and others with another seed', async () => {
    const model = modelOf(contrast);
    const inputs = evolvedInputs(model, model.inputs, { samples: 30 });
    const read = async (): Promise<Tensor[]> => {
      const tensors: Tensor[] = [];
      for await (const { x } of inputs.batches()) tensors.push(x!);
      return tensors;
    };
    const first = await read();
    expect(await read()).toEqual(first);
    expect(await all(model, { samples: 30, batch: 7 }).then(joined)).toEqual(joined(first));
    expect(await all(model, { samples: 30, seed: 1 }).then(joined)).not.toEqual(joined(first));
  });

  test('have 256 levels, normalised as the model wants them', async () => {
    const values = joined(await all(modelOf(contrast), { samples: 10, mean: [0.5], std: [0.25] }));
    for (const value of values) {
      const level = 255 * (0.5 + 0.25 * value);
      expect(Math.abs(level - Math.round(level))).toBeLessThan(1e-3);
      expect(level).toBeGreaterThan(-0.01);
      expect(level).toBeLessThan(255.01);
    }
  });

  test('fill batches of fixed size', async () => {
    const model = modelOf(contrast, [8, 1, 12, 12]);
    expect((await all(model, { samples: 12 })).map(({ shape }) => shape[0])).toEqual([8, 8]);
  });

  // Batches of fixed size are filled up.
  test.each([
    [undefined, [12, 24, 36]],
    [8, [8, 16, 24, 32, 40, 48]],
  ])('tell how far they are, in batches of %s', async (batch, seen) => {
    const steps: Progress[] = [];
    const onProgress = (step: Progress): void => void steps.push(step);
    await all(modelOf(contrast, [batch, 1, 12, 12]), { samples: 12, onProgress });
    const total = seen.at(-1)!;
    expect(steps).toEqual(seen.map((done) => ({ phase: 'inputs', done, total, share: done / total })));
  });

  test('stop when they are told to', async () => {
    const model = modelOf(contrast);
    const inputs = evolvedInputs(model, model.inputs, { samples: 10 });
    const read = async (): Promise<void> => {
      for await (const _ of inputs.batches(AbortSignal.abort(new Error('enough'))));
    };
    await expect(read()).rejects.toThrow('enough');
  });
});

test('a model without classes keeps the random images', async () => {
  const model = modelOf((image) => [mean(image)]);
  const random: Tensor[] = [];
  for await (const { x } of generatedInputs(model.inputs, { samples: 20 }).batches()) random.push(x!);
  const kept = joined(await all(model, { samples: 20 }));
  joined(random).forEach((value, p) => {
    expect(Math.abs(kept[p]! - value)).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
  });
});

test('vectors are those of generatedInputs', async () => {
  const model = modelOf(contrast, [undefined, 144]);
  const random: Tensor[] = [];
  for await (const { x } of generatedInputs(model.inputs, { samples: 20 }).batches()) random.push(x!);
  expect(joined(await all(model, { samples: 20 }))).toEqual(joined(random));
});

test.each([-1, 1])('a model that gives %s more rows than it takes samples sorts nothing', async (more) => {
  const model = modelOf(contrast);
  const other = {
    ...model,
    async session() {
      const session = await model.session();
      return {
        ...session,
        async run(inputs: Readonly<Record<string, Tensor>>) {
          const { y } = await session.run(inputs);
          const rows = y!.shape[0]! + more;
          return { y: { shape: [rows, 2], data: new Float32Array(rows * 2) } };
        },
      };
    },
  } as unknown as Model;
  const generated = generatedInputs(model.inputs, { samples: 100, batch: 40 });
  const expected: Tensor[] = [];
  for await (const batch of generated.batches()) expected.push(batch.x!);
  const images = joined(expected);
  // Kept as bytes.
  const apart = joined(await all(other)).map((value, p) => Math.abs(value - images[p]!));
  expect(Math.max(...apart)).toBeLessThan(0.51 / 255);
});

/** Scores each next word: the one after it, most of the time; words before have no say, unless it looks ahead. */
function writer(words: number, ahead = 0): Model {
  return {
    inputs: [{ name: 'ids', shape: [undefined, 12], type: 'int64', entries: words }],
    outputs: [{ name: 'y', shape: [undefined, 12, words] }],
    async session() {
      return {
        async run({ ids }: Record<string, Tensor>) {
          const [texts, length] = ids!.shape as [number, number];
          const data = new Float32Array(texts * length * words);
          for (let i = 0; i < texts * length; i++) {
            const next = (ids!.data[i]! + 1 + ahead * (ids!.data[i + 1] ?? 0)) % words;
            data[i * words + next] = 10;
          }
          return { y: { shape: [texts, length, words], data } };
        },
        async release() {},
      };
    },
  } as unknown as Model;
}

test('a model that writes gets texts that it would write', async () => {
  const follows = async (model: Model): Promise<number> => {
    let right = 0;
    let all = 0;
    const inputs = evolvedInputs(model, model.inputs, { samples: 30, batch: 20 });
    for (const _ of [0, 1]) {
      right = all = 0;
      for await (const { ids } of inputs.batches()) {
        const { data } = ids!;
        data.forEach((word, i) => {
          if (i % 12 === 0) return;
          all++;
          if (word === (data[i - 1]! + 1) % 40) right++;
        });
      }
    }
    expect(all).toBe(30 * 11);
    return right / all;
  };
  expect(await follows(writer(40))).toBeGreaterThan(0.3);
  // What looks ahead does not write from left to right: its texts are those of random words.
  expect(await follows(writer(40, 1))).toBeLessThan(0.15);
});
