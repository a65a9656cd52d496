import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { journalPath, type RunRecord, readJournal, SweepJournal } from '../../src/sweep/journal.js';
import { parseShard, shardRange } from '../../src/sweep/shards.js';
import { expectInputError, temporaryFolder } from '../data/data-files.js';

const BASELINE = { top1: 0.1 + 0.2, top5: 1, parameters: 7 };
const RUN: RunRecord = {
  kind: 'run',
  identity: { model: 'm.onnx', data: 'd', ratio: [0.5], settings: 'abc' },
  shard: null,
  settings: 3,
  samples: 5,
  layers: ['__proto__', 'fc'],
};
const ROWS = [0, 1, 2].map((setting) => ({
  clusterer: 'kmeans',
  algorithm: 'lloyd' as const,
  sparsity: 0,
  ratio: 0.5,
  seed: setting,
  calibrated: false,
  ...BASELINE,
  relativeError: 1 / 3,
  seconds: 0.25,
}));

async function fill(folder: string, rows = ROWS.length): Promise<void> {
  const journal = await SweepJournal.open(folder, RUN);
  await journal.add({ kind: 'baseline', baseline: BASELINE });
  await journal.add({ kind: 'pruned', sparsity: 0, baseline: BASELINE });
  for (const [setting, row] of ROWS.slice(0, rows).entries())
    await journal.add({ kind: 'row', setting, row });
  await journal.close();
}

test('nothing is written before the first setting is finished', async () => {
  const folder = join(temporaryFolder(), 'results');
  await fill(folder, 0);
  expect(existsSync(folder)).toBe(false);
  await fill(folder, 1);
  expect((await readJournal(folder))?.content).toEqual({
    run: RUN,
    baseline: BASELINE,
    pruned: new Map([[0, BASELINE]]),
    rows: new Map([[0, ROWS[0]]]),
  });
});

test('a byte order mark at its head changes nothing', async () => {
  const folder = temporaryFolder();
  await fill(folder);
  const expected = await readJournal(folder);
  const bytes = readFileSync(journalPath(folder));
  writeFileSync(journalPath(folder), Buffer.concat([Buffer.from('\uFEFF'), bytes]));
  expect(await readJournal(folder)).toEqual({ ...expected, validBytes: bytes.length + 3 });
});

test('cut at any byte, what is left is the lines before, and the sweep goes on to the same journal', async () => {
  const whole = temporaryFolder();
  await fill(whole);
  const bytes = readFileSync(journalPath(whole));
  const lines = bytes.toString().split('\n').slice(0, -1);
  expect(lines).toHaveLength(6);
  const folder = temporaryFolder();
  const first = lines[0]!.length + 1;
  for (let length = first; length <= bytes.length; length += 1 + (length % 4)) {
    writeFileSync(journalPath(folder), bytes.subarray(0, length));
    const kept = bytes.subarray(0, length).toString().split('\n').length - 1;
    const journal = await SweepJournal.open(folder, RUN);
    const { content } = journal;
    expect(Number(content.baseline !== undefined) + content.pruned.size + content.rows.size).toBe(kept - 1);
    if (!content.baseline) await journal.add({ kind: 'baseline', baseline: BASELINE });
    if (!content.pruned.has(0)) await journal.add({ kind: 'pruned', sparsity: 0, baseline: BASELINE });
    for (const [setting, row] of ROWS.entries())
      if (!content.rows.has(setting)) await journal.add({ kind: 'row', setting, row });
    await journal.close();
    expect(readFileSync(journalPath(folder)).equals(bytes)).toBe(true);
  }
});

test('a line with a wrong byte ends what is taken over', async () => {
  const folder = temporaryFolder();
  await fill(folder);
  const text = readFileSync(journalPath(folder), 'utf8');
  writeFileSync(journalPath(folder), text.replace('"seed":1', '"seed":4'));
  const { content } = (await readJournal(folder))!;
  expect([...content.rows.keys()]).toEqual([0]);
});

describe('refusals', () => {
  test('a journal whose first line is damaged', async () => {
    const folder = temporaryFolder();
    for (const text of ['', 'x', '{}\n', '{"check":"0","record":{"kind":"run"}}\n']) {
      writeFileSync(journalPath(folder), text);
      await expectInputError(SweepJournal.open(folder, RUN), 'BAD_FILE', 'is damaged', '--restart');
    }
    await (await SweepJournal.open(folder, RUN, true)).close();
    expect(existsSync(journalPath(folder))).toBe(false);
  });

  test('a journal that is a folder', async () => {
    const folder = temporaryFolder();
    mkdirSync(journalPath(folder));
    await expectInputError(SweepJournal.open(folder, RUN), 'BAD_FILE', 'EISDIR');
  });

  test.each([
    [{ ...RUN, identity: { ...RUN.identity, ratio: [0.5, 0.7] } }, 'ratio (0.5 there, 0.5,0.7 now)'],
    [{ ...RUN, identity: { ...RUN.identity, settings: 'def' } }, 'differs in settings:'],
    [{ ...RUN, identity: { ...RUN.identity, limit: 4 } }, 'limit (none there, 4 now)'],
    [{ ...RUN, shard: { index: 1, count: 2 } }, '--shard (none there, 1/2 now)'],
  ])('another sweep: %j', async (run, part) => {
    const folder = temporaryFolder();
    await fill(folder);
    await expectInputError(SweepJournal.open(folder, run), 'BAD_ARGUMENT', part);
  });
});

test('shards cover every setting once, in order', () => {
  for (const settings of [0, 1, 7, 12])
    for (const count of [1, 2, 5, 13]) {
      const covered = Array.from({ length: count }, (_, i) => shardRange(settings, { index: i + 1, count }));
      expect(
        covered.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)),
      ).toEqual(Array.from({ length: settings }, (_, i) => i));
    }
});

test.each(['0/2', '3/2', '1', '1/0', 'a/b', '-1/2', '1/2/3', ''])('no shard: %j', (text) => {
  expect(() => parseShard(text)).toThrow(/expected i\/n/);
});
