/**
 * The journal of a sweep: `journal.jsonl` in its folder, one line per thing measured, each with a checksum and synced to the
 * disk before the next one is begun. A run that was killed at any point goes on from it.
 *
 * The file appears with the first finished setting, so that a sweep that fails before leaves nothing.
 */
import { type FileHandle, mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@spherize/core';
import {
  emptyContent,
  keepMeasured,
  type MeasuredRecord,
  type SweepContent,
  type SweepRecord,
} from '@spherize/core/sweep';
import { decodeText, replaceFile } from '@spherize/files';
import { checkedLine, checkedRecord } from '../files/checked-lines.js';
import { type Shard, shardName } from './shards.js';
import { identityDifferences, type SweepIdentity } from './sweep-identity.js';

/** The first line: which sweep this is. */
export interface RunRecord {
  readonly kind: 'run';
  readonly identity: SweepIdentity;
  readonly shard: Shard | null;
  /** Settings of the whole sweep. */
  readonly settings: number;
  readonly samples: number;
  /** Layers that are compressed together. */
  readonly layers: readonly string[];
}

/** What a journal holds. */
export interface JournalContent extends SweepContent {
  readonly run: RunRecord;
}

export class SweepJournal implements SweepRecord {
  readonly path: string;
  readonly content: JournalContent;
  readonly #folder: string;
  #file: FileHandle | undefined;
  /** Lines that wait for the first setting. */
  #waiting: string[];

  private constructor(folder: string, content: JournalContent, file: FileHandle | undefined) {
    this.#folder = folder;
    this.path = journalPath(folder);
    this.content = content;
    this.#file = file;
    this.#waiting = file ? [] : [checkedLine(content.run)];
  }

  /**
   * Opens the journal of a sweep, with what an earlier run of the same sweep has left in the folder.
   *
   * @param restart forgets what is there
   * @throws InputError `BAD_ARGUMENT` when the folder has the journal of another sweep
   */
  static async open(folder: string, run: RunRecord, restart = false): Promise<SweepJournal> {
    const path = journalPath(folder);
    if (restart) await rm(path, { force: true });
    const found = await readJournal(folder);
    if (found === undefined) return new SweepJournal(folder, { run, ...emptyContent() }, undefined);
    requireSameRun(folder, found.content.run, run);
    // What a killed run wrote in part.
    await truncate(path, found.validBytes);
    return new SweepJournal(folder, found.content, await open(path, 'a'));
  }

  /** Keeps a record; from the first setting on, it is on the disk when this returns. */
  async add(record: MeasuredRecord): Promise<void> {
    keepMeasured(this.content, record);
    const line = checkedLine(record);
    if (this.#file) {
      await this.#file.appendFile(line);
      await this.#file.datasync();
    } else {
      this.#waiting.push(line);
      if (record.kind === 'row') await this.flush();
    }
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    if (this.#file) return;
    await mkdir(this.#folder, { recursive: true });
    await replaceFile(this.path, this.#waiting.join(''));
    this.#waiting = [];
    this.#file = await open(this.path, 'a');
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Closes and removes it: the results are written. */
  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }
}

/** The journal in a folder up to its first damaged line, or undefined when there is none. */
export async function readJournal(
  folder: string,
): Promise<{ content: JournalContent; validBytes: number } | undefined> {
  const path = journalPath(folder);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new InputError(
      'BAD_FILE',
      `${path} cannot be read (${error.code}): check it, or choose another --out`,
      {
        cause: error,
      },
    );
  });
  if (bytes === undefined) return undefined;
  let content: JournalContent | undefined;
  let validBytes = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, validBytes)) {
    const record = checkedRecord<RunRecord | MeasuredRecord>(decodeText(bytes.subarray(validBytes, end)));
    if (record === undefined || (record.kind === 'run') !== (content === undefined)) break;
    if (record.kind === 'run') content = { run: record, ...emptyContent() };
    else keepMeasured(content!, record);
    validBytes = end + 1;
  }
  if (content === undefined) {
    throw new InputError('BAD_FILE', `${path} is damaged: remove it, or give --restart`);
  }
  return { content, validBytes };
}

export function journalPath(folder: string): string {
  return join(folder, 'journal.jsonl');
}

function requireSameRun(folder: string, there: RunRecord, now: RunRecord): void {
  const name = ({ shard }: RunRecord) => (shard ? shardName(shard) : 'none');
  const differences = identityDifferences(
    { ...there.identity, '--shard': name(there) },
    { ...now.identity, '--shard': name(now) },
  );
  if (differences.length === 0) return;
  throw new InputError(
    'BAD_ARGUMENT',
    `output '${folder}' holds an unfinished sweep that differs in ${differences.join(', ')}: finish it with its own command, choose another --out, or discard it with --restart`,
  );
}
