/** How much of a model may leave it, and why the rest has to stay. */
import { findWidths } from '@spherize/core';

/**
 * Parameters that a reduction reaches, each counted once.
 *
 * - `widths`: in rows, columns and constants of features that may leave. A layer counts whole where all of its rows or all of its columns may.
 * - `layers`: in fully connected layers, whose columns may be clustered.
 * - `offered`: in either.
 * - `reasons`: of the others, by what keeps their rows and columns.
 *
 * @returns {{ total: number, widths: number, layers: number, offered: number, reasons: Record<string, number> }}
 */
export function shares(model) {
  const count = new Count(model);
  const total = model.parameters;
  const fc = new Set(model.layers.map(({ name }) => name));
  const known = new Set();
  let widths = count.constants();
  let layers = 0;
  let offered = widths;
  for (const layer of model.graph.layers) {
    known.add(layer.name);
    const whole = valuesOf(layer);
    const reached = count.reached(layer);
    widths += reached;
    if (fc.has(layer.name)) layers += whole;
    else if (reached < whole) count.keep(count.reason(layer), whole - reached);
    offered += fc.has(layer.name) ? whole : reached;
  }
  for (const { name, inputs, outputs } of model.layers.filter(({ name }) => !known.has(name))) {
    const whole = inputs * outputs + (model.bias(name)?.length ?? 0);
    layers += whole;
    offered += whole;
  }
  for (const { name, parameters, reason } of model.skipped) {
    if (!known.has(name)) count.keep(reason, parameters);
  }
  const explained = Object.values(count.reasons).reduce((sum, parameters) => sum + parameters, 0);
  count.keep('no layer holds them: constants that have no features', total - offered - explained);
  const within = (parameters) => Math.min(total, parameters);
  return {
    total,
    widths: within(widths),
    layers: within(layers),
    offered: within(offered),
    reasons: count.reasons,
  };
}

class Count {
  /** Parameters by reason. */
  reasons = {};
  #found;
  /** Features that may leave. */
  #leaving = new Set();
  /** Why features of other widths may not. */
  #kept = new Map();
  #names;
  #skipped;

  constructor(model) {
    this.#skipped = new Map(model.skipped.map(({ name, reason }) => [name, reason]));
    if (model.features === undefined) return;
    const { graph } = model;
    this.#found = findWidths(graph);
    for (const { reason, blocks } of this.#found.widths) {
      for (const label of blocks.flatMap((block) => [...block])) {
        if (reason === undefined) this.#leaving.add(label);
        else this.#kept.set(label, reason);
      }
    }
    this.#names = new Set([
      ...graph.layers.map(({ name }) => name),
      ...graph.operations.flatMap(({ name, inputs, outputs }) => [name, ...inputs, ...outputs]),
      ...graph.outputs,
      ...model.inputs.map(({ name }) => name),
    ]);
  }

  /** Values in rows and columns that may leave. */
  reached({ name, inputs, outputs, span, groups, bias }) {
    const { rows, columns, filters } = this.#found.features;
    if (filters.has(name))
      return this.#leave(filters.get(name)) * (outputs / inputs) * (span + (bias ? 1 : 0));
    const made = this.#leave(rows.get(name));
    const staying = (outputs - made) * (inputs - this.#leave(columns.get(name)));
    return ((outputs * inputs - staying) / groups) * span + (bias ? made : 0);
  }

  constants() {
    const constants = this.#found?.features.constants ?? [];
    return constants.reduce((sum, { labels }) => sum + this.#leave(labels.ids), 0);
  }

  /** What keeps the rows and the columns of a layer that are left. */
  reason({ name }) {
    const { rows, columns, filters } = this.#found.features;
    if (filters.has(name)) return this.#whyKept(filters.get(name));
    if (!rows.has(name) && !columns.has(name))
      return this.#skipped.get(name) ?? 'nothing is known of its features';
    return `rows: ${this.#whyKept(rows.get(name))}; columns: ${this.#whyKept(columns.get(name))}`;
  }

  /** The same reason is one, whatever it names in a model. */
  keep(reason, parameters) {
    if (parameters <= 0) return;
    const general = reason
      .split(' ')
      .map((word) => {
        const [, before, inner, after] = /^(['"(]*)(.*?)(['"),:;]*)$/.exec(word);
        return this.#names?.has(inner) ? `${before}…${after}` : word;
      })
      .join(' ');
    this.reasons[general] = (this.reasons[general] ?? 0) + parameters;
  }

  #leave(labels) {
    let leaving = 0;
    for (const label of labels ?? []) if (this.#leaving.has(this.#found.sets.find(label))) leaving++;
    return leaving;
  }

  #whyKept(labels) {
    if (labels === undefined) return 'no features come in';
    for (const label of labels) {
      const root = this.#found.sets.find(label);
      if (this.#leaving.has(root)) continue;
      return this.#kept.get(root) ?? this.#found.sets.pinned(root) ?? 'no layer makes them';
    }
    return 'they may leave';
  }
}

function valuesOf({ inputs, outputs, span, groups, bias }) {
  return (outputs * inputs * span) / groups + (bias ? outputs : 0);
}
