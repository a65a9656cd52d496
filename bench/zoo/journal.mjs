/** What has been measured, a line of JSON for each model, so that a run that was broken off goes on. The last of several lines counts. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export class Journal {
  #path;
  #settings;
  #entries = new Map();

  /**
   * @param settings of the run: what was measured with others is measured again
   */
  constructor(path, settings) {
    this.#path = path;
    this.#settings = JSON.stringify(settings);
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const entry = parsed(line);
      if (entry?.settings === this.#settings) this.#entries.set(entry.model, entry.result);
    }
  }

  /** The result for a model, or undefined. */
  get(model) {
    return this.#entries.get(model);
  }

  add(model, result) {
    this.#entries.set(model, result);
    mkdirSync(dirname(this.#path), { recursive: true });
    appendFileSync(this.#path, `${JSON.stringify({ settings: this.#settings, model, result })}\n`);
  }
}

/** The results of a journal in which something was timed, by model. */
export function timesOf(path) {
  const entries = readFileSync(path, 'utf8').split('\n').map(parsed);
  const timed = entries.filter((entry) =>
    entry?.result.results?.some(({ latency }) => latency !== undefined),
  );
  if (timed.length === 0)
    throw new Error(`--times: '${path}' holds no times: give the journal of a run that took some`);
  return new Map(timed.map(({ model, result }) => [model, result]));
}

/** A result with the times of another one at the same ratios. */
export function withTimes(result, timed) {
  if (result.results === undefined || timed === undefined) return result;
  const latencies = new Map(timed.results.map(({ ratio, latency }) => [ratio, latency]));
  return {
    ...result,
    results: result.results.map((own) => ({ ...own, latency: own.latency ?? latencies.get(own.ratio) })),
  };
}

/** The last line may have been cut off. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
