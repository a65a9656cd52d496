// One input, the contenders that are installed, and the measurements of both.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './child.mjs';

/** Seconds after which a peer is stopped. */
export const TIME_LIMIT = 600;
/** Iterations of the peers that do not stop by themselves: faiss's default. */
export const ITERATIONS = 25;
const SEED = 0;

/** An input's vectors in a file, and everything that is measured on them. */
export class Bench {
  #files = 0;

  static async open(input, size) {
    const folder = await mkdtemp(join(tmpdir(), 'spherize-bench-'));
    const bench = new Bench(input, folder);
    try {
      const path = join(folder, 'vectors.f32');
      bench.shape = { vectors: path, ...(await runChild('vectors.mjs', { input, size, path })) };
      return bench;
    } catch (error) {
      await bench.close();
      throw error;
    }
  }

  constructor(input, folder) {
    this.input = input;
    this.folder = folder;
    this.removeFolder = () => rmSync(folder, { recursive: true, force: true });
    process.on('exit', this.removeFolder);
  }

  async close() {
    process.off('exit', this.removeFolder);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The same number of clusters as the command line takes for a column reduction ratio. */
  setting(clusterer, ratio) {
    return { clusterer, ratio, k: Math.max(1, Math.round(this.shape.n * (1 - ratio))) };
  }

  settings(clusterers, ratios) {
    return clusterers.flatMap((clusterer) => ratios.map((ratio) => this.setting(clusterer, ratio)));
  }

  /** Ours: all settings in one process that computes one Gram matrix. */
  async ours(settings) {
    const filed = settings.map((setting) => this.#withFile(setting));
    const result = await runChild('ours.mjs', { ...this.shape, settings: filed, seed: SEED });
    return { ...result, scores: await this.#score(filed) };
  }

  /** A peer: one setting, in a process of its own. */
  async peer(name, setting) {
    const filed = this.#withFile(setting);
    const script = name === 'faiss' || name === 'scikit-learn' ? 'peers.py' : 'javascript-peers.mjs';
    const job = { peer: name, ...this.shape, ...filed, iterations: ITERATIONS, seed: SEED };
    const result = { peer: name, ...setting, ...(await runChild(script, job, TIME_LIMIT)) };
    if (result.timedOut === undefined) [result.score] = await this.#score([filed]);
    return result;
  }

  async hartiganBounds(settings) {
    return (await runChild('hartigan-bounds.mjs', { ...this.shape, settings, seed: SEED })).runs;
  }

  async #score(settings) {
    return (await runChild('score.mjs', { ...this.shape, settings })).scores;
  }

  #withFile(setting) {
    return { ...setting, path: join(this.folder, `assignment-${this.#files++}.i32`) };
  }
}
