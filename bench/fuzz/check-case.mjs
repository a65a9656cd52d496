/**
 * Sends one mutant through the command and says what became of it. Whatever the file is, the command may write a model that
 * runs and computes what it should, or refuse in one clean line and write nothing.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InputError } from '@spherize/core';

const require = createRequire(import.meta.url);
const source = (file) =>
  pathToFileURL(join(dirname(require.resolve('spherize/package.json')), 'dist', file)).href;
const { createProgram } = await import(source('program.js'));
const { describeError } = await import(source('terminal/failure.js'));

/** Share of the cases that are refitted on generated inputs: they take many times as long. */
const REFITTED = 0.1;

/** Outcomes that a stranger's file may have. */
export const GOOD = ['written and verified', 'written, could not be verified', 'refused'];

/**
 * @param folder holds the mutant and nothing that the command may not read
 * @param path the mutant
 * @param runtime `start(path)` runs a model outside the command: `run(seed)` gives outputs or throws
 * @returns {Promise<{ outcome: string, detail: string }>}
 */
export async function checkCase({ folder, path, runtime, choices }) {
  const ratio = choices.pick(['0.3', '0.5', '0.9']);
  const clusterer = choices.pick(['kmeans', 'spherical']);
  const sparsity = choices.pick(['0', '0', '0.5']);
  const calibrate = choices.chance(REFITTED) ? 'generated' : 'none';
  const extension = path.slice(path.lastIndexOf('.'));
  const output = join(folder, 'out', `model${extension}`);
  mkdirSync(join(folder, 'out'));
  const list = () => readdirSync(folder, { recursive: true }).sort().join();
  const before = list();

  const compressed = await spherize(
    ...['compress', path, '-o', output, '--json'],
    ...['--ratio', ratio, '--clusterer', clusterer, '--sparsity', sparsity, '--calibrate', calibrate],
  );
  if (compressed.error !== undefined) {
    const refused = refusal(compressed.error);
    if (list() !== before) return { outcome: 'refused, but left files', detail: refused.detail };
    return refused;
  }
  if ({}.polluted !== undefined) return { outcome: 'prototype polluted', detail: '' };
  const { verified } = JSON.parse(compressed.stdout);
  const loaded = await runtime.start(output).catch((error) => error);
  if (loaded instanceof Error)
    return { outcome: 'written, refused by the runtime', detail: firstLine(loaded) };
  await loaded.release();

  mkdirSync(join(folder, 'same'));
  const same = join(folder, 'same', `model${extension}`);
  const kept = await spherize(
    ...['compress', path, '-o', same, '--ratio', '0', '--calibrate', 'none', '--json'],
  );
  if (kept.error !== undefined) {
    const refused = refusal(kept.error);
    // Weights that overflow may be among those that pruning has removed.
    const overflows = sparsity !== '0' && /the model computes (NaN|-?Infinity)/.test(refused.detail);
    return overflows ? { outcome: GOOD[0], detail: '' } : { ...refused, outcome: 'refused at k = n only' };
  }
  const deviation = await compare(runtime, path, same);
  if (deviation !== undefined) return { outcome: 'meaning changed', detail: deviation };
  return {
    outcome: verified.deviation === null ? GOOD[1] : GOOD[0],
    detail: verified.reason ?? '',
  };
}

/** What rounding may change, relative to the largest output. */
const TOLERANCE = 1e-4;

/** Runs both on the same inputs; undefined when they agree or the original does not run. */
async function compare(runtime, original, rewritten) {
  if (!existsSync(original) || readFileSync(original).length === 0) return undefined;
  const sessions = [];
  try {
    for (const path of [original, rewritten]) sessions.push(await runtime.start(path));
    for (const seed of [11, 12]) {
      const expected = await sessions[0].run(seed).catch(() => undefined);
      // Neither does the command's proof run it: how it differs cannot be seen.
      if (expected === undefined) return undefined;
      const actual = await sessions[1].run(seed);
      const distance = difference(expected, actual);
      if (!(distance <= TOLERANCE)) return `outputs differ by ${distance} of the largest`;
    }
    return undefined;
  } catch (error) {
    return sessions.length === 1 || sessions.length === 2 ? `does not run: ${firstLine(error)}` : undefined;
  } finally {
    for (const session of sessions) await session.release();
  }
}

function difference(expected, actual) {
  let largest = 0;
  let distance = 0;
  for (const [name, { dims, data }] of Object.entries(expected)) {
    const found = actual[name];
    if (found === undefined || found.dims.join() !== dims.join()) return Number.POSITIVE_INFINITY;
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [Number(data[i]), Number(found.data[i])];
      if (Object.is(a, b) || a === b) continue;
      if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
      distance = Math.max(distance, Math.abs(a - b));
    }
    for (const value of data)
      if (Number.isFinite(Number(value))) largest = Math.max(largest, Math.abs(Number(value)));
  }
  return distance === 0 ? 0 : distance / largest;
}

function refusal(error) {
  const line = describeError(error);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would obey
  if (/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(line) || line.length > 2000) {
    return { outcome: 'refused in an unclean line', detail: JSON.stringify(line.slice(0, 300)) };
  }
  if (error instanceof InputError) return { outcome: 'refused', detail: line };
  return { outcome: 'fault', detail: `${line} ${error?.stack?.split('\n').slice(1, 4).join(' ') ?? ''}` };
}

/** Runs the command in this process. */
async function spherize(...args) {
  const write = process.stdout.write;
  const writeError = process.stderr.write;
  let stdout = '';
  process.stdout.write = (text) => {
    stdout += text;
    return true;
  };
  process.stderr.write = () => true;
  try {
    await createProgram().parseAsync(['node', 'spherize', ...args]);
    return { stdout };
  } catch (error) {
    return { stdout, error: error ?? new Error('nothing was thrown') };
  } finally {
    process.stdout.write = write;
    process.stderr.write = writeError;
  }
}

function firstLine(error) {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0];
}
