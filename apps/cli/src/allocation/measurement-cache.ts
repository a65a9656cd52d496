/**
 * Measurements on the disk: one file per identity (model, data, options) in the cache folder, one line per measurement with a
 * checksum. An interrupted run loses only what it was at; another run, also of another command, measures nothing twice.
 */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Measurements } from '@spherize/core/allocation';
import { cacheFolder } from '../embedded/embedded-model.js';
import { checkedLine, checkedRecord } from '../files/checked-lines.js';
import { logLine } from '../terminal/output.js';

interface Measurement {
  readonly key: string;
  readonly value: unknown;
}

export class MeasurementCache implements Measurements {
  readonly path: string;
  readonly #known: Map<string, unknown>;
  /** Whether the file can be written to. */
  #kept = true;

  private constructor(path: string, known: Map<string, unknown>) {
    this.path = path;
    this.#known = known;
  }

  /**
   * @param identity everything on which the measurements depend
   * @param restart forgets what is there
   */
  static async open(identity: unknown, restart = false): Promise<MeasurementCache> {
    const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
    const path = join(cacheFolder(), 'curves', `${name}.jsonl`);
    if (restart) await rm(path, { force: true });
    const text = await readFile(path, 'utf8').catch(() => '');
    const known = new Map<string, unknown>();
    for (const line of text.split('\n')) {
      const found = checkedRecord<Measurement>(line);
      if (found) known.set(found.key, found.value);
    }
    return new MeasurementCache(path, known);
  }

  /** What is known by this key, or what `measure` finds, which is then kept. */
  async measured<T>(key: string, measure: () => Promise<T>): Promise<T> {
    if (this.#known.has(key)) return this.#known.get(key) as T;
    const value = await measure();
    this.#known.set(key, value);
    if (this.#kept) await this.#append(key, value);
    return value;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  async #append(key: string, value: unknown): Promise<void> {
    try {
      await mkdir(join(this.path, '..'), { recursive: true });
      // On a line of its own, whatever a killed run has left.
      await appendFile(this.path, `\n${checkedLine({ key, value })}`);
    } catch (error) {
      this.#kept = false;
      logLine(`measurements are not kept: ${error instanceof Error ? error.message : error}`);
    }
  }
}
