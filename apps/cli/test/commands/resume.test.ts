/**
 * Sweeps that end before their time, and sweeps in parts, give what one undisturbed run gives.
 *
 * `KILLS=50 npx vitest run apps/cli/test/commands/resume.test.ts` kills at 50 points instead of a few.
 */
import { appendFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { npyBytes, write } from '../data/data-files.js';
import { SAMPLES, smallModel, writeSmallFiles } from './small-files.js';
import { type Run, spherize, start, temporaryFolder } from './spawn-spherize.js';

const KILLS = Number(process.env.KILLS ?? 4);
const folder = temporaryFolder();
const GRID = ['--ratios', '0.3,0.6', '--sparsities', '0,0.8', '--clusterers', 'kmeans,./slow.mjs'];
const SETTINGS = 8;

/**
 * Alone on its columns, and slow enough that a kill finds it at work. While there is a file `hold`, its last call of a whole sweep, for
 * the last layer of the last setting, does not end: however late a signal is sent, the sweep is not over.
 */
const SLOW = `
import { existsSync } from 'node:fs';
let calls = 0;
export default {
  name: 'slow',
  async cluster({ count }, k, { signal }) {
    const last = ++calls === 12;
    for (let i = 0; i < 10 || (last && existsSync('hold')); i++) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const size = (cluster) => Math.ceil((count - cluster) / k);
    return {
      assignment: Int32Array.from({ length: count }, (_, j) => j % k),
      scales: new Float64Array(count).fill(1),
      coefficients: Float64Array.from({ length: count }, (_, j) => 1 / size(j % k)),
      objective: 0,
      iterations: 1,
    };
  },
};
`;

const command = (out: string, ...more: string[]) => [
  ...['sweep', 'small.onnx', '--data', 'npy:X.npy,Y.npy', '--threads', '1', '--references', 'none'],
  ...[...GRID, '--out', out, ...more],
];
const lines = (out: string): number => {
  const path = join(folder, out, 'journal.jsonl');
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
};
/** What was measured, times apart. The report and the recipe name the folder; they are only there. */
function outcome(out: string): Record<string, string> {
  const names = readdirSync(join(folder, out)).sort();
  expect(names).toEqual(['accuracy.svg', 'recipe.json', 'report.html', 'results.csv', 'results.json']);
  const text = Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, out, name), 'utf8')]));
  const column = text['results.csv']!.split('\n')[0]!.split(',').indexOf('seconds');
  return {
    'accuracy.svg': text['accuracy.svg']!,
    'results.json': text['results.json']!.replace(/"seconds": [\d.e-]+/g, '"seconds": 0'),
    'results.csv': text['results.csv']!.split('\n')
      .map((line) =>
        line
          .split(',')
          .with(column < line.split(',').length ? column : 0, '')
          .join(),
      )
      .join('\n'),
  };
}

/** Starts a sweep that does not end by itself, and waits until its journal has so many lines. */
async function startHeld(out: string, wanted: number): Promise<ReturnType<typeof start>> {
  write(folder, 'hold', Buffer.alloc(0));
  const started = start(folder, command(out));
  while (lines(out) < wanted && started.child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 1));
  expect(started.child.exitCode).toBeNull();
  return started;
}

/** Sends a signal to a sweep that is held, and waits for its end. */
async function end({ child, ended }: ReturnType<typeof start>, signal: NodeJS.Signals): Promise<Run> {
  child.kill(signal);
  const left = await ended;
  rmSync(join(folder, 'hold'));
  return left;
}

let undisturbed: Record<string, string>;
let duration: number;
beforeAll(async () => {
  writeSmallFiles(folder);
  write(folder, 'slow.mjs', Buffer.from(SLOW));
  const started = performance.now();
  // In a process of its own, as those that are killed.
  expect(await start(folder, command('whole')).ended).toMatchObject({ code: 0, stderr: '' });
  duration = performance.now() - started;
  undisturbed = outcome('whole');
}, 60_000);

/** Even numbers: after a share of the time that a whole run takes. Odd ones: as soon as the journal has so many lines. */
async function killAt(point: number, out: string): Promise<void> {
  if (point % 2 === 1) {
    // The run, two lines of the uncompressed model, and the settings but the last that is held.
    const wanted = Math.min(4 + Math.floor((point / KILLS) * SETTINGS), 1 + SETTINGS);
    await end(await startHeld(out, wanted), 'SIGKILL');
    return;
  }
  const { child, ended } = start(folder, command(out));
  const later = new Promise((resolve) => setTimeout(resolve, (duration * (point + 0.5)) / KILLS));
  await Promise.race([ended, later]);
  child.kill('SIGKILL');
  await ended;
}

test(`killed at ${KILLS} points, the same command ends with the same results`, async () => {
  const keptLines = new Set<number>();
  for (let point = 0; point < KILLS; point++) {
    await killAt(point, 'killed');
    keptLines.add(lines('killed'));
    const again = await spherize(folder, ...command('killed'));
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(outcome('killed')).toEqual(undisturbed);
    rmSync(join(folder, 'killed'), { recursive: true });
  }
  // The kills did not all come before or after the work.
  expect(keptLines.size).toBeGreaterThan(1);
}, 600_000);

test('Ctrl-C keeps what was finished, says so, and does not start over', async () => {
  const { code, stdout, stderr } = await end(await startHeld('interrupted', 5), 'SIGINT');
  expect([code, stdout]).toEqual([130, '']);
  const [, kept] =
    /^(\d) of 8 settings are kept in interrupted\/journal\.jsonl: the same command goes on from there\nspherize: interrupted\n$/.exec(
      stderr,
    )!;
  expect(Number(kept)).toBeGreaterThanOrEqual(2);
  expect(readdirSync(join(folder, 'interrupted'))).toEqual(['journal.jsonl']);
  const before = readFileSync(join(folder, 'interrupted', 'journal.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  const rows = before.map((line) => JSON.parse(line).record.row).filter(Boolean);
  expect((await spherize(folder, ...command('interrupted'))).code).toBe(0);
  expect(outcome('interrupted')).toEqual(undisturbed);
  // Also their times are those of the first run.
  const results = JSON.parse(readFileSync(join(folder, 'interrupted', 'results.json'), 'utf8'));
  expect(results.rows.slice(0, rows.length)).toEqual(rows);
});

describe('an unfinished sweep', () => {
  const refusal = (what: string) => ({
    code: 2,
    stdout: '',
    stderr: `spherize: output 'unfinished' holds an unfinished sweep that differs in ${what}: finish it with its own command, choose another --out, or discard it with --restart\n`,
  });
  let left: string;
  const journal = () => readFileSync(join(folder, 'unfinished', 'journal.jsonl'), 'utf8');
  beforeAll(async () => {
    await end(await startHeld('unfinished', 4), 'SIGKILL');
    left = journal();
  }, 60_000);

  test.each([
    ['--ratios 0.3,0.7', 'ratio (0.3,0.6 there, 0.3,0.7 now)'],
    ['--seed 1', 'seed (0 there, 1 now)'],
    ['--limit 9', '--limit (none there, 9 now), data content'],
    ['--mean 0.5', '--mean (none there, 0.5 now)'],
    ['--layers fc2', '--layers (fc1,fc2,fc3 there, fc2 now)'],
    ['--batch 7', '--batch (500 there, 7 now)'],
    ['--algorithm lloyd --batch 7', '--batch (500 there, 7 now), algorithm (hartigan there, lloyd now)'],
    ['--memory 100', '--memory (enough there, 100 now)'],
    ['--shard 1/2', '--shard (none there, 1/2 now)'],
  ])('does not go on with %s', async (options, what) => {
    expect(await spherize(folder, ...command('unfinished', ...options.split(' ')))).toEqual(refusal(what));
    expect(journal()).toBe(left);
  });

  test('does not go on with another model or other data under the same names', async () => {
    appendFileSync(join(folder, 'small.onnx'), Buffer.from([0x12, 0x01, 0x78]));
    expect(await spherize(folder, ...command('unfinished'))).toEqual(refusal('model content'));
    write(folder, 'small.onnx', smallModel());
    write(folder, 'Y.npy', npyBytes('<i4', [SAMPLES], new Int32Array(SAMPLES).fill(5)));
    expect(await spherize(folder, ...command('unfinished'))).toEqual(refusal('data content'));
    writeSmallFiles(folder);
    expect(journal()).toBe(left);
  });

  test('starts over with --restart', async () => {
    const args = command('unfinished', '--ratios', '0.5', '--sparsities', '0', '--restart');
    expect((await spherize(folder, ...args)).code).toBe(0);
    const results = JSON.parse(readFileSync(join(folder, 'unfinished', 'results.json'), 'utf8'));
    expect(results.rows).toHaveLength(2);
  });
});

describe('shards', () => {
  const runs: Run[] = [];
  beforeAll(async () => {
    for (const i of [2, 1, 3]) runs.push(await spherize(folder, ...command(`part${i}`, '--shard', `${i}/3`)));
  }, 60_000);

  test('each measures its own settings, into a journal', () => {
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([0, 1, 2].map(() => [0, '']));
    expect([1, 2, 3].map((i) => readdirSync(join(folder, `part${i}`)))).toEqual(
      [1, 2, 3].map(() => ['journal.jsonl']),
    );
    expect(runs[0]!.stdout).toMatch(/\npart2\/journal\.jsonl\n$/);
  });

  test('merged in any order they are one run', async () => {
    const { code, stderr } = await spherize(folder, 'merge', 'part3', 'part1', 'part2', '--out', 'merged');
    expect([code, stderr]).toEqual([0, '']);
    expect(outcome('merged')).toEqual(undisturbed);
  });

  test('a shard that is there twice counts once', async () => {
    cpSync(join(folder, 'part2'), join(folder, 'part2-again'), { recursive: true });
    const parts = ['part2-again', 'part3', 'part1', 'part3', 'part2'];
    expect((await spherize(folder, 'merge', ...parts, '--out', 'twice')).code).toBe(0);
    expect(outcome('twice')).toEqual(undisturbed);
  });

  test.each([
    ['part1 part3', '3 of 8 settings have not been measured: finish shard 2/3 first'],
    [
      'part1 whole',
      'there is no whole/journal.jsonl: give the folders that sweep --shard i/n --out DIR wrote',
    ],
  ])('merge %s is refused', async (folders, line) => {
    const run = await spherize(folder, 'merge', ...folders.split(' '), '--out', 'refused');
    expect(run).toEqual({ code: 2, stdout: '', stderr: `spherize: ${line}\n` });
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });

  test('of different sweeps are not merged', async () => {
    const args = command('foreign', '--shard', '2/3', '--ratios', '0.3,0.5');
    expect((await spherize(folder, ...args)).code).toBe(0);
    const run = await spherize(folder, 'merge', 'part1', 'foreign', 'part3', '--out', 'refused');
    expect(run).toEqual({
      code: 2,
      stdout: '',
      stderr:
        "spherize: 'part1' (there) and 'foreign' (now) are of different sweeps, they differ in ratio (0.3,0.6 there, 0.3,0.5 now): merge the shards of one command\n",
    });
  });
});
