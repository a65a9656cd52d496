/** Ctrl-C in the middle of the work. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/program.js';
import { npyBytes, write } from '../data/data-files.js';
import { writeSmallFiles } from './small-files.js';
import { writeSmallLayersModel } from './small-layers-model.js';
import { start, temporaryFolder } from './spawn-spherize.js';

/** Says that it is at work, then goes on until it is told to stop. */
const ENDLESS = `
import { writeSync } from 'node:fs';
export default {
  name: 'endless',
  async cluster(columns, k, { signal }) {
    writeSync(2, 'working\\n');
    for (;;) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
};
`;

/**
 * Makes the command say that it is at work when a loop over a session has come round once: what that loop calls is listened to. The
 * loop goes on when the test has sent its signal, however long that takes.
 */
const WATCH = `
import { existsSync, writeSync } from 'node:fs';
const nap = new Int32Array(new SharedArrayBuffer(4));
let said = false;
const listen = (object, method, loop) => {
  const original = object[method];
  object[method] = function (...args) {
    if (!said && new Error().stack.includes(loop)) {
      said = true;
      writeSync(2, 'working\\n');
      while (!existsSync('signalled')) Atomics.wait(nap, 0, 0, 5);
    }
    return original.apply(this, args);
  };
};
listen(performance, 'now', 'compareLatency');
listen(Float32Array.prototype, 'subarray', 'labelRanks');
`;

function filesForWork(): string {
  const folder = temporaryFolder();
  writeSmallFiles(folder);
  // So wide that its layers are worth clusters, which TensorFlow.js needs layers for.
  writeSmallLayersModel(join(folder, 'web'), [96, 1200]);
  write(folder, 'endless.mjs', Buffer.from(ENDLESS));
  write(folder, 'watch.mjs', Buffer.from(WATCH));
  return folder;
}

const ENDLESS_CLUSTERER = ['--clusterer', './endless.mjs'];
const SWEEP = ['--data', 'npy:X.npy,Y.npy', '--out', 'results', '--clusterers', './endless.mjs'];
const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['sweep', 'small.onnx', SWEEP],
  ['sweep', 'web/model.json', SWEEP],
  ['compress', 'small.onnx', ['-o', 'out.onnx', '--ratio', '0.5', ...ENDLESS_CLUSTERER]],
  ['compress', 'web/model.json', ['-o', 'out.json', '--ratio', '0.5', ...ENDLESS_CLUSTERER]],
  ['scan', 'small.onnx', ENDLESS_CLUSTERER],
  ['scan', 'web/model.json', ENDLESS_CLUSTERER],
];

test.each(CASES)(
  '%s of %s stops with exit code 130 and leaves nothing behind',
  async (command, model, args) => {
    const folder = filesForWork();
    const before = readdirSync(folder).sort();
    const { child, ended } = start(folder, [command, model, ...args]);
    await new Promise((resolve) => child.stderr!.once('data', resolve));
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect([code, child.signalCode, stdout]).toEqual([130, null, '']);
    // Several may be at work.
    expect(stderr).toMatch(/^(working\n)+spherize: interrupted\n$/);
    expect(readdirSync(folder).sort()).toEqual(before);
  },
);

/** Says of every thread that is ended before it has started. The second thread starts when the first one works and has been interrupted. */
const WATCH_THREADS = `
import { existsSync, writeSync } from 'node:fs';
import { isMainThread, threadId, Worker } from 'node:worker_threads';
if (isMainThread) {
  const started = new WeakSet();
  const { emit, terminate } = Worker.prototype;
  Worker.prototype.emit = function (event, ...args) {
    if (event === 'message') started.add(this);
    return emit.call(this, event, ...args);
  };
  Worker.prototype.terminate = function () {
    if (!started.has(this)) writeSync(2, 'ended while it starts\\n');
    return terminate.call(this);
  };
} else if (threadId === 2) {
  const nap = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync('signalled')) Atomics.wait(nap, 0, 0, 5);
  Atomics.wait(nap, 0, 0, 500);
}
`;

test('a thread that is still starting is not ended: Node would abort with it now and then', async () => {
  const folder = filesForWork();
  write(folder, 'watch-threads.mjs', Buffer.from(WATCH_THREADS));
  const args = ['sweep', 'small.onnx', ...SWEEP, '--threads', '2'];
  const { child, ended } = start(folder, args, ['--import', './watch-threads.mjs']);
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGINT');
  write(folder, 'signalled', Buffer.alloc(0));
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([130, 'working\nspherize: interrupted\n']);
});

/** Samples whose evaluation, one by one, takes many seconds. */
const MANY = 100_000;

// Without a pause between runs, a loop over a runtime that never waits goes on to its end, and exits with 0.
const LOOPS: readonly (readonly [string, string, readonly string[]])[] = [
  ['bench', 'small.onnx', ['small.onnx', 'small.onnx', '--seconds', '1000']],
  ['bench', 'web/model.json', ['web/model.json', 'web/model.json', '--seconds', '1000']],
  ['evaluate', 'small.onnx', ['small.onnx', '--data', 'npy:many.npy,labels.npy', '--batch', '1']],
  ['evaluate', 'web/model.json', ['web/model.json', '--data', 'npy:many.npy,labels.npy', '--batch', '1']],
];
test.each(LOOPS)('%s of %s stops between two runs', async (command, _, args) => {
  const folder = filesForWork();
  if (command === 'evaluate') {
    const shape = [MANY, 1, 6, 6];
    write(folder, 'many.npy', npyBytes('|u1', shape, new Uint8Array(MANY * 36)));
    write(folder, 'labels.npy', npyBytes('|u1', [MANY], new Uint8Array(MANY).fill(5)));
  }
  const { child, ended } = start(folder, [command, ...args], ['--import', './watch.mjs']);
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGINT');
  write(folder, 'signalled', Buffer.alloc(0));
  const { code, stdout, stderr } = await ended;
  expect([code, child.signalCode, stdout, stderr]).toEqual([
    130,
    null,
    '',
    'working\nspherize: interrupted\n',
  ]);
});

/**
 * Commands that are not interrupted here, with the reason. All but one do not listen to signals: the system ends them at once, whatever
 * they do, and a shell reports 130.
 */
const NOT_TRIED: Readonly<Record<string, string>> = {
  alexnet: 'is a sweep of the embedded model, by the same function',
  inspect: 'reads a model, and writes nothing',
  doctor: 'looks at what is installed, and writes nothing that stays',
  completion: 'prints a script',
  merge: 'reads and writes small files, each whole or not at all; a temporary one goes with the next run',
  report: 'reads and writes small files, each whole or not at all; a temporary one goes with the next run',
};

test('every command stops, or says why it needs no telling', () => {
  const interrupted = [...CASES, ...LOOPS].map(([command]) => command);
  const known = new Set([...interrupted, ...Object.keys(NOT_TRIED)]);
  expect(known).toEqual(new Set(createProgram().commands.map((command) => command.name())));
});

test('a polite kill stops it likewise', async () => {
  const folder = filesForWork();
  const args = ['compress', 'small.onnx', '-o', 'out.onnx', '--ratio', '0.5', ...ENDLESS_CLUSTERER];
  const { child, ended } = start(folder, args);
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);
});
