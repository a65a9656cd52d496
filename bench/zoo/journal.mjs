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

/** The last line may have been cut off. */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
