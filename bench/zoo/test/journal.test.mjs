import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal } from '../journal.mjs';

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
