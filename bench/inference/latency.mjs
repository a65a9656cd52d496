// Times several models in alternation: every round runs each of them, and each round begins with another one.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { Random } from '@spherize/core';

export const WARM_UPS = 3;
const LEAST_ROUNDS = 9;
/** Processes that each model gets when it is timed alone. */
const TURNS = 5;
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
      contenders.push({ name, inputs: modelInputs(model, batch), session: await model.session() });
    }
    return await alternateSessions(contenders, seconds, block);
  } finally {
    for (const { session } of contenders) await session.release();
  }
}

/**
 * Models that are alone in a process, as they are where they are used: one process after the other, each model in turn.
 *
 * @returns as `alternate`; runs are those of the model that had fewest
 */
export async function alternateProcesses(paths, batch, seconds) {
  const script = fileURLToPath(new URL('alone.mjs', import.meta.url));
  const contenders = Object.entries(paths).map(([name, path]) => ({ name, path, times: [] }));
  for (let turn = 0; turn < TURNS; turn++) {
    for (let i = 0; i < contenders.length; i++) {
      const { path, times } = contenders[(turn + i) % contenders.length];
      const args = [script, path, String(batch), String(seconds / TURNS)];
      times.push(...JSON.parse((await promisify(execFile)(process.execPath, args)).stdout));
    }
  }
  return summaries(contenders);
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
  return summaries(contenders);
}

/** The same inputs every time, of so many samples. */
export function modelInputs(model, batch) {
  return Object.fromEntries(
    model.inputs.map((input) => [input.name, uniform([batch, ...input.shape.slice(1)])]),
  );
}

/** The same numbers in [0, 1) every time. */
export function uniform(shape) {
  const random = new Random(SEED);
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: size }, () => random.uniform()) };
}

function summaries(contenders) {
  const runs = Math.min(...contenders.map(({ times }) => times.length));
  return { runs, ...Object.fromEntries(contenders.map(({ name, times }) => [name, summary(times)])) };
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
