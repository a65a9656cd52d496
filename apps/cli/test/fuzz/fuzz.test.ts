/** A small run of the fuzzer of `bench/fuzz`: mutated models are written correctly or refused in one line, never anything else. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const FUZZER = fileURLToPath(new URL('../../../../bench/fuzz/run.mjs', import.meta.url));
const CASES = 60;

test(`${CASES} mutants`, async () => {
  const args = [FUZZER, '--cases', String(CASES), '--seed', '1', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
  const { cases, outcomes, failures } = JSON.parse(stdout);
  expect(failures).toEqual([]);
  expect(cases).toBe(CASES);
  // The mutants are worth something: some are still models, some are not.
  expect(outcomes['written and verified']).toBeGreaterThan(CASES / 10);
  expect(outcomes.refused).toBeGreaterThan(CASES / 10);
}, 300_000);
