import { InputError } from '@spherize/core';
import type { SweepResults } from '@spherize/core/sweep';
import { type JournalContent, journalPath, readJournal } from './journal.js';
import { resultsOf } from './results-of-journals.js';
import { shardName, shardRange } from './shards.js';
import { identityDifferences } from './sweep-identity.js';

/**
 * Puts the shards of one sweep together.
 *
 * @param folders the folders of `--out`, in any order
 * @throws InputError when a folder has no journal, the journals are of different sweeps, their machines computed different
 * baselines, or a setting has not been measured yet
 */
export async function mergeShards(folders: readonly string[]): Promise<SweepResults> {
  const journals: { folder: string; content: JournalContent }[] = [];
  for (const folder of folders) {
    const found = await readJournal(folder);
    if (found === undefined) {
      throw new InputError(
        'NOT_FOUND',
        `there is no ${journalPath(folder)}: give the folders that sweep --shard i/n --out DIR wrote`,
      );
    }
    journals.push({ folder, content: found.content });
  }
  const [first, ...others] = journals;
  for (const other of others) requireSameSweep(first!, other);
  requireComplete(journals.map(({ content }) => content));
  return resultsOf(journals.map(({ content }) => content));
}

function requireSameSweep(
  a: { folder: string; content: JournalContent },
  b: { folder: string; content: JournalContent },
): void {
  const differences = identityDifferences(a.content.run.identity, b.content.run.identity);
  if (differences.length > 0) {
    throw new InputError(
      'BAD_ARGUMENT',
      `'${a.folder}' (there) and '${b.folder}' (now) are of different sweeps, they differ in ${differences.join(', ')}: merge the shards of one command`,
    );
  }
  const [left, right] = [a.content.baseline, b.content.baseline].map((baseline) => JSON.stringify(baseline));
  if (left !== undefined && right !== undefined && left !== right) {
    throw new InputError(
      'BAD_FILE',
      `the uncompressed model gave ${left} in '${a.folder}' but ${right} in '${b.folder}': these machines compute differently, run all shards on machines of one kind`,
    );
  }
}

function requireComplete(journals: readonly JournalContent[]): void {
  const { settings } = journals[0]!.run;
  const missing = Array.from({ length: settings }, (_, index) => index).filter(
    (index) => !journals.some(({ rows }) => rows.has(index)),
  );
  if (missing.length === 0) return;
  const count = journals.find(({ run }) => run.shard)?.run.shard?.count ?? 1;
  const unfinished = Array.from({ length: count }, (_, i) => ({ index: i + 1, count })).filter((shard) => {
    const { start, end } = shardRange(settings, shard);
    return missing.some((index) => index >= start && index < end);
  });
  throw new InputError(
    'BAD_FILE',
    `${missing.length} of ${settings} settings have not been measured: finish shard ${unfinished.map(shardName).join(', ')} first`,
  );
}
