import { GOOD } from './check-case.mjs';

/** Failures that are described one by one. */
const DESCRIBED = 40;

/** Counts cases by outcome. */
export class Summary {
  cases = 0;
  failures = [];
  #seed;
  #outcomes = new Map();
  #reasons = new Map();

  constructor(seed) {
    this.#seed = seed;
  }

  /** Counts a case, and describes it when it failed. */
  add(index, { outcome, detail, applied }) {
    this.cases++;
    count(this.#outcomes, outcome);
    if (!GOOD.includes(outcome)) {
      this.failures.push({ index, outcome, detail, applied });
      return describe(this.failures.at(-1));
    }
    if (outcome === 'refused') count(this.#reasons, kindOf(detail));
    return undefined;
  }

  document() {
    return {
      cases: this.cases,
      seed: this.#seed,
      outcomes: Object.fromEntries(sorted(this.#outcomes)),
      refusals: Object.fromEntries(sorted(this.#reasons)),
      failures: this.failures,
    };
  }

  text() {
    const table = (counts) =>
      sorted(counts).map(([name, number]) => `${String(number).padStart(7)}  ${name}`);
    const failures = this.failures.slice(0, DESCRIBED).map(describe);
    return [
      `${this.cases} cases, seed ${this.#seed}`,
      ...table(this.#outcomes),
      '\nrefused because:',
      ...table(this.#reasons),
      ...(failures.length > 0 ? [`\n${this.failures.length} failures`, ...failures] : ['\nno failure']),
    ].join('\n');
  }
}

function describe({ index, outcome, applied, detail }) {
  return `case ${index}: ${outcome} [${applied.join(', ')}] ${detail}`;
}

/** A refusal without names and numbers. */
function kindOf(detail) {
  return detail
    .replace(/\S*case-\d+\S*/g, 'FILE')
    .replace(/'[^']*'/g, "'…'")
    .replace(/-?\d+(\.\d+)?(e[-+]?\d+)?/g, 'N')
    .slice(0, 90);
}

function count(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted(counts) {
  return [...counts].sort(([, a], [, b]) => b - a);
}
