// Times several models in alternation: every round runs each of them, and each round begins with another one.
import { onnxFormat } from '@spherize/adapters-onnx';
import { Random } from '@spherize/core';

const WARM_UPS = 3;
const LEAST_ROUNDS = 9;
const SEED = 0;

/**
 * @param paths model files by name
 * @param block runs of a model in a row, per round. With 1, every run finds the caches full of another model's weights; with
 * more, one further run goes before them untimed, and they find what a model leaves that is alone
 * @returns by name: median and quartiles of a run in milliseconds; and the number of timed runs of each
 */
export async function alternate(paths, batch, seconds, block) {
  const contenders = [];
  try {
    for (const [name, path] of Object.entries(paths)) {
      const { model } = await onnxFormat.read(path);
      const inputs = Object.fromEntries(
        model.inputs.map((input) => [input.name, uniform([batch, ...input.shape.slice(1)])]),
      );
      contenders.push({ name, inputs, session: await model.session() });
    }
    return await alternateSessions(contenders, seconds, block);
  } finally {
    for (const { session } of contenders) await session.release();
  }
}

/**
 * @param {{ name: string, session: object, inputs: object }[]} sessions with what each is fed
 * @returns as `alternate`
 */
export async function alternateSessions(sessions, seconds, block = 1) {
  const contenders = sessions.map((session) => ({ ...session, times: [] }));
  for (const { session, inputs } of contenders) {
    for (let i = 0; i < WARM_UPS; i++) await session.run(inputs);
  }
  const started = performance.now();
  for (let round = 0; round < LEAST_ROUNDS || performance.now() - started < 1000 * seconds; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { session, inputs, times } = contenders[(round + i) % contenders.length];
      if (block > 1) await session.run(inputs);
      for (let run = 0; run < block; run++) {
        const start = performance.now();
        await session.run(inputs);
        times.push(performance.now() - start);
      }
    }
  }
  const runs = contenders[0].times.length;
  return { runs, ...Object.fromEntries(contenders.map(({ name, times }) => [name, summary(times)])) };
}

/** The same numbers in [0, 1) every time. */
export function uniform(shape) {
  const random = new Random(SEED);
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, () => random.uniform()) };
}

function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (share) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const next = sorted[Math.min(below + 1, sorted.length - 1)];
    return sorted[below] + (place - below) * (next - sorted[below]);
  };
  return { median: quantile(0.5), quartiles: [quantile(0.25), quantile(0.75)] };
}
