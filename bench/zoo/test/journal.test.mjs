import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal, timesOf, withTimes } from '../journal.mjs';
import { shardOf } from '../shard.mjs';

let path;
let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spherize-zoo-test-'));
  path = join(folder, 'zoo', 'journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const settings = { ratios: [0.5], seconds: 0 };

test('a later run finds what an earlier one measured', () => {
  new Journal(path, settings).add('a', { bytes: 1 });
  const later = new Journal(path, settings);
  expect(later.get('a')).toEqual({ bytes: 1 });
  expect(later.get('b')).toBeUndefined();
});

test('the last of several results counts, and a line that was cut off does not', () => {
  const journal = new Journal(path, settings);
  journal.add('a', { bytes: 1 });
  journal.add('a', { bytes: 2 });
  appendFileSync(path, '{"settings":"{');
  expect(new Journal(path, settings).get('a')).toEqual({ bytes: 2 });
});

test('what was measured with other settings is not taken, and stays', () => {
  new Journal(path, settings).add('a', { bytes: 1 });
  const other = new Journal(path, { ...settings, seconds: 2 });
  expect(other.get('a')).toBeUndefined();
  other.add('a', { bytes: 3 });
  expect(new Journal(path, settings).get('a')).toEqual({ bytes: 1 });
});

test('shards share the models among them, and their journals put together are one', () => {
  const models = ['a', 'b', 'c', 'd', 'e'];
  const parts = ['1/2', '2/2'].map((shard) => shardOf(models, shard));
  expect(parts.flat().sort()).toEqual(models);
  mkdirSync(folder, { recursive: true });
  const text = parts.map((part, i) => {
    const own = join(folder, `part${i}.jsonl`);
    const journal = new Journal(own, settings);
    for (const model of part) journal.add(model, { bytes: i });
    return readFileSync(own, 'utf8');
  });
  // The second shard ran twice.
  writeFileSync(join(folder, 'all.jsonl'), [...text, text[1]].join(''));
  const all = new Journal(join(folder, 'all.jsonl'), settings);
  expect(models.map((model) => all.get(model))).toEqual([0, 1, 0, 1, 0].map((bytes) => ({ bytes })));
  for (const wrong of ['0/2', '3/2', '1', 'a/b']) expect(() => shardOf(models, wrong)).toThrow(/^--shard: /);
});

test('times of another run stand beside what was measured without any', () => {
  const timed = new Journal(path, { seconds: 2 });
  const latency = { before: { median: 2 }, after: { median: 1 } };
  timed.add('a', { results: [{ ratio: 0.5, latency }] });
  timed.add('b', { results: [] });
  const times = timesOf(path);
  const result = {
    results: [
      { ratio: 0.5, outputError: 0.1 },
      { ratio: 0.75, outputError: 0.2 },
    ],
  };
  expect(withTimes(result, times.get('a')).results).toEqual([
    { ratio: 0.5, outputError: 0.1, latency },
    { ratio: 0.75, outputError: 0.2, latency: undefined },
  ]);
  expect(withTimes({ failed: 'over 300 s' }, times.get('a'))).toEqual({ failed: 'over 300 s' });
  expect(withTimes(result, times.get('b'))).toBe(result);
  const without = new Journal(`${path}.none`, {});
  without.add('a', { results: [{ ratio: 0.5 }] });
  expect(() => timesOf(`${path}.none`)).toThrow(/holds no times: give the journal of a run that took some$/);
});
