/**
 * Sends seeded mutants of healthy models through `spherize compress`:
 *
 *     node bench/fuzz/run.mjs --cases 20000 --seed 1
 *     node bench/fuzz/run.mjs --cases 15000 --first 5000 --seed 1    # the last 15,000 of these
 *     node bench/fuzz/run.mjs --seed 1 --case 123 --keep DIR     # one case again, its files kept
 *
 * `--workers N` sets how many processes work at a time (default 2), `--json` prints the summary as JSON. The exit code is 0 if
 * every mutant was written correctly or refused in one line, 1 otherwise.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { cropModel } from './onnx-seeds.mjs';
import { Summary } from './summary.mjs';

/** Longer than this is a hang. */
const PATIENCE_MILLISECONDS = 20_000;
/** Cases that one process works on before a fresh one takes over. */
const CASES_PER_PROCESS = 400;
const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '20000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    case: { type: 'string' },
    keep: { type: 'string' },
    workers: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const single = values.case === undefined ? undefined : Number(values.case);
const [first, count] = single === undefined ? [Number(values.first), Number(values.cases)] : [single, 1];
const indices = Array.from({ length: count }, (_, i) => first + i);
const folder =
  values.keep === undefined ? mkdtempSync(join(tmpdir(), 'spherize-fuzz-')) : resolve(values.keep);
const setting = {
  seed,
  folder,
  keep: values.keep !== undefined,
  cropped: Buffer.from(cropModel(await embeddedModel())).toString('base64'),
};
const summary = new Summary(seed);
let next = 0;

// Ctrl-C ends it after the cases at work, with what was found so far.
process.once('SIGINT', () => {
  indices.length = next;
  process.stderr.write(`go on with --first ${first + next}\n`);
});

await Promise.all(Array.from({ length: Number(values.workers) }, workThrough));
if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
console.log(values.json ? JSON.stringify(summary.document(), null, 2) : summary.text());
process.exitCode = summary.failures.length > 0 ? 1 : 0;

/** Takes cases until none is left, in one process after the other. */
async function workThrough() {
  while (next < indices.length) {
    const child = fork(WORKER, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    await messageOf(child, { setting });
    let alive = true;
    for (let done = 0; alive && done < CASES_PER_PROCESS && next < indices.length; done++) {
      const index = indices[next++];
      const result = await messageOf(child, { index });
      alive = !result.dead;
      const failure = summary.add(index, result);
      if (failure !== undefined) process.stderr.write(`${failure}\n`);
      if (!values.json && summary.cases % 1000 === 0) process.stderr.write(`${summary.cases} cases\n`);
    }
    child.kill('SIGKILL');
  }
}

/** The answer of a process, or what became of it. */
function messageOf(child, message) {
  return new Promise((resolve) => {
    let applied = [];
    const finish = (result) => {
      clearInterval(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve({ applied, ...result });
    };
    const onExit = (code, signal) =>
      finish({ outcome: 'crash', detail: `the process ended with ${signal ?? code}`, dead: true });
    const onMessage = (answer) => {
      if (answer.applied) applied = answer.applied;
      else finish(answer);
    };
    const started = processorSeconds(child.pid);
    let waited = 0;
    const timer = setInterval(() => {
      waited += 1000;
      // Where a process has to wait for others, only its own time counts; one that sleeps hangs all the same.
      const worked = 1000 * (processorSeconds(child.pid) - started);
      const patience = message.setting ? 6 * PATIENCE_MILLISECONDS : PATIENCE_MILLISECONDS;
      if (waited > patience && !(worked < patience && waited < 6 * patience)) {
        finish({ outcome: 'hang', detail: `over ${patience / 1000} s`, dead: true });
      }
    }, 1000);
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.send(message);
  });
}

/** Processor time that a process has used; not a number where the platform does not say. */
function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

async function embeddedModel() {
  const require = createRequire(import.meta.url);
  const module = join(dirname(require.resolve('spherize/package.json')), 'dist/embedded/embedded-model.js');
  const { embeddedModelPath } = await import(pathToFileURL(module).href);
  return embeddedModelPath('alexnet-fashion');
}
