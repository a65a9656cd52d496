/** What becomes of one model. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { tfjsFormat } from '@spherize/adapters-tfjs/node';
import { compressModel, evolvedInputs, findWidths, InputError, settledInputs } from '@spherize/core';
import { compareLatency, outputFidelity } from '@spherize/core/evaluation';
import { fixedBatch, randomInputs, widestReach } from '@spherize/core/proof';
import { unseenInputs } from '../../apps/cli/dist/calibration/unseen-inputs.js';
import { withShapes } from '../../apps/cli/dist/plugins/fixed-shapes.js';
import { shapesFor } from './packages.mjs';
import { shares } from './shares.mjs';

/**
 * Samples on which layers are refitted: as many as take this many multiply-accumulates, at most a thousand as for the command, and none
 * where that would be few.
 */
export const REFIT = { macs: 5e9, most: 1000, fewest: 8 };
/** The outputs are compared on a share of the samples that the command would take: TensorFlow.js is slow. */
const COMPARED = 1 / 4;
/** Multiply-accumulates of a model that does not tell them. */
const UNKNOWN = 1e9;
const NOT_COMPARED = { outputError: null, cosine: null, agreement: null };
const SEED = 0;

/**
 * @param model `name` in the zoo, and `path`
 * @param settings `ratios` of the neurons that leave, `seconds` of timing for each: 0 for none; `quick`: nothing is refitted, and outputs are
 * compared in the proof alone
 * @param report is given what has been found so far, which counts if the rest fails
 */
export async function measureModel({ name, path }, { ratios, seconds, quick }, report) {
  const format = [onnxFormat, tfjsFormat].find((candidate) => candidate.matches(path));
  const { model: read, bytes } = await format.read(path);
  const shapes = shapesFor(name, read.inputs);
  const model = withShapes(read, shapes);
  const found = { shapes, bytes, shares: shares(model), macs: null, results: [] };
  report(found);
  found.macs = (await model.multiplyAccumulates?.()) ?? null;
  const calibration = quick ? undefined : await calibrationFor(model, found.macs);
  found.refitted = calibration?.samples ?? 0;
  report(found);
  const widths = model.features === undefined ? [] : findWidths(model.graph).widths;
  if (widths.every(({ reason }) => reason !== undefined)) return;
  const inputs = await unseenInputs(model, undefined, (found.macs ?? UNKNOWN) / COMPARED, { seed: SEED });
  for (const ratio of ratios) {
    const started = performance.now();
    const { model: narrower, proof } = await compressModel(model, {
      ratio,
      reduce: 'neurons',
      seed: SEED,
      calibration: calibration ?? 'none',
    });
    const took = (performance.now() - started) / 1000;
    const result = {
      ratio,
      proof,
      seconds: took,
      ...(await written(format, narrower, { model, path, shapes }, seconds)),
    };
    found.results.push({
      ...result,
      ...(quick ? NOT_COMPARED : await outputFidelity(model, narrower, inputs)),
    });
    report(found);
  }
}

/** Generated inputs to refit on; undefined where none can be made up, or the model computes too long. */
async function calibrationFor(model, macs) {
  const samples = Math.min(REFIT.most, Math.floor(REFIT.macs / (macs ?? UNKNOWN)));
  if (samples < REFIT.fewest) return undefined;
  try {
    return evolvedInputs(model, await settledInputs(model), { samples, seed: SEED });
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Bytes, multiply-accumulates and time of a narrower model as it is read again from its file. */
async function written(format, narrower, { model, path, shapes }, seconds) {
  const folder = await mkdtemp(join(tmpdir(), 'spherize-zoo-'));
  try {
    const target = join(folder, basename(path));
    const bytes = await narrower.write(target);
    const again = withShapes((await format.read(target)).model, shapes);
    const macs = (await again.multiplyAccumulates?.()) ?? null;
    return { bytes, macs, ...(seconds > 0 && { latency: await timed(model, again, seconds) }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timed(before, after, seconds) {
  const sessions = [];
  try {
    const reach = await widestReach(before, SEED);
    const inputs = randomInputs(before.inputs, fixedBatch(before.inputs) ?? 1, SEED, { reach });
    for (const model of [before, after]) sessions.push(await model.session());
    const runs = sessions.map((session) => ({ session, inputs }));
    return await compareLatency(runs[0], runs[1], seconds);
  } finally {
    for (const session of sessions) await session.release();
  }
}
