/** The widths of a model: axes of features that can become narrower, each with everything that shrinks with it. */
import type { FeatureGraph } from '../format/feature-flow.js';
import { FeatureSets } from './feature-sets.js';
import { type FollowedFeatures, followFeatures, type Meeting } from './follow-features.js';

/** n features that leave their producers and consumers together, and alike in every block. */
export interface Width {
  /** After the first layer that makes it. */
  readonly name: string;
  /** n, the number of features. */
  readonly size: number;
  /** Runs of features, such as the dimensions of a head, of which each loses as many as the others. */
  readonly blocks: readonly Int32Array[];
  /** Layers whose rows make the features. */
  readonly producers: readonly string[];
  /** Layers whose columns read them. */
  readonly consumers: readonly string[];
  /** Operations between, with values per feature. */
  readonly operations: readonly string[];
  /** Values in all rows, columns and constants that shrink with it. */
  readonly parameters: number;
  /** Whether it runs through the sums of residual connections: some of its producers compute on what others of it gave. */
  readonly residual: boolean;
  /** Why its features have to stay; undefined when they may leave. */
  readonly reason: string | undefined;
}

/** The features of a model and their widths. */
export interface Widths {
  readonly widths: readonly Width[];
  readonly features: FollowedFeatures;
  readonly sets: FeatureSets;
  /** Labels of features that no layer makes, in the order in which they were met. */
  readonly foreign: readonly Int32Array[];
}

const known = new WeakMap<FeatureGraph, Widths>();

/** The widths of a graph, in the order of the layers that make them. Found once per graph. */
export function findWidths(graph: FeatureGraph): Widths {
  let found = known.get(graph);
  if (found === undefined) {
    found = searchWidths(graph);
    known.set(graph, found);
  }
  return found;
}

function searchWidths(graph: FeatureGraph): Widths {
  const sets = new FeatureSets();
  const foreign: Int32Array[] = [];
  const rows = new Map<string, Int32Array>();
  const meeting: Meeting = {
    narrower: false,
    rows({ name, outputs, shared }) {
      let labels = rows.get(name);
      if (labels === undefined) {
        labels = sets.add(outputs);
        rows.set(name, labels);
        if (shared) for (const label of labels) sets.pin(label, `the weights of ${name} are shared`);
      }
      return labels;
    },
    foreign(count, reason) {
      const labels = sets.add(count);
      if (reason !== undefined) for (const label of labels) sets.pin(label, reason);
      foreign.push(labels);
      return labels;
    },
    join: (a, b) => sets.join(a, b),
    pin: (label, reason) => sets.pin(label, reason),
    shapeAfter: (tensor) => graph.shape(tensor),
    whole: () => undefined,
    axesAfter: () => undefined,
    parts: ({ flow }) => (flow.type === 'slice' ? flow.parts : []),
    places: (_, places) => places,
  };
  const features = followFeatures(graph, meeting);
  for (const layer of graph.layers) {
    if (!layer.shared) continue;
    for (const label of features.columns.get(layer.name) ?? [])
      sets.pin(label, `the weights of ${layer.name} are shared`);
  }
  return { widths: new WidthSearch(graph, features, sets).search(), features, sets, foreign };
}

/** Features with the same places, before it is known which belong to one width. */
interface Group {
  readonly roots: number[];
  readonly places: Places;
}

interface Places {
  readonly producers: Set<string>;
  readonly consumers: Set<string>;
  readonly operations: Set<string>;
}

/** Features that have to lose as many as those of the other rows. */
interface Tie {
  readonly rows: readonly (readonly number[])[];
}

class WidthSearch {
  readonly #graph: FeatureGraph;
  readonly #features: FollowedFeatures;
  readonly #sets: FeatureSets;
  readonly #values = new Map<number, number>();
  /** Features that are summed up in pairs. */
  readonly #paired: ReadonlySet<number>;
  /** Features of sums. */
  readonly #summed: ReadonlySet<number>;

  constructor(graph: FeatureGraph, features: FollowedFeatures, sets: FeatureSets) {
    this.#graph = graph;
    this.#features = features;
    this.#sets = sets;
    this.#paired = new Set(features.paired.map((label) => sets.find(label)));
    this.#summed = new Set(features.sums.flatMap((ids) => Array.from(ids, (label) => sets.find(label))));
  }

  search(): Width[] {
    const groups = this.#groups();
    const groupOf = new Map<number, number>();
    for (const [g, { roots }] of groups.entries()) for (const root of roots) groupOf.set(root, g);
    const ties = this.#ties();
    const together = new FeatureSets();
    together.add(groups.length);
    for (const { rows } of ties) {
      const members = rows.map((row) => [...new Set(row.map((root) => groupOf.get(root)!))].sort());
      const alike = members.every((member) => String(member) === String(members[0]));
      if (alike) continue;
      const [first, ...others] = members.flat();
      for (const other of others) together.join(first!, other);
    }
    const merged = new Map<number, number[]>();
    for (const g of groups.keys()) {
      const root = together.find(g);
      merged.set(root, [...(merged.get(root) ?? []), g]);
    }
    const widths = [...merged.values()].map((members) =>
      this.#width(
        members.map((g) => groups[g]!),
        ties,
      ),
    );
    return this.#named(widths);
  }

  /** Features by the layers and operations in which they have a place, in the order of the layers that make them. */
  #groups(): Group[] {
    const places = new Map<number, Places>();
    const at = (label: number): Places => {
      const root = this.#sets.find(label);
      let found = places.get(root);
      if (found === undefined) {
        found = { producers: new Set(), consumers: new Set(), operations: new Set() };
        places.set(root, found);
      }
      return found;
    };
    const count = (label: number, values: number): void => {
      const root = this.#sets.find(label);
      this.#values.set(root, (this.#values.get(root) ?? 0) + values);
    };
    for (const { name, inputs, outputs, span, groups, bias } of this.#graph.layers) {
      for (const label of this.#features.rows.get(name) ?? []) {
        at(label).producers.add(name);
        count(label, (inputs / groups) * span + (bias ? 1 : 0));
      }
      for (const label of this.#features.columns.get(name) ?? []) {
        at(label).consumers.add(name);
        count(label, (outputs / groups) * span);
      }
      for (const label of this.#features.filters.get(name) ?? []) {
        at(label).operations.add(name);
        count(label, (outputs / inputs) * (span + (bias ? 1 : 0)));
      }
    }
    for (const { operation, labels } of this.#features.constants) {
      for (const label of labels.ids) {
        at(label).operations.add(operation);
        count(label, 1);
      }
    }
    const groups = new Map<string, Group>();
    for (const [root, own] of places) {
      const key = JSON.stringify([
        [...own.producers],
        [...own.consumers],
        [...own.operations],
        this.#sets.pinned(root),
      ]);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { roots: [root], places: own });
      else group.roots.push(root);
    }
    return [...groups.values()].filter(({ places: { producers } }) => producers.size > 0);
  }

  /** Splitting an axis, and grouped convolutions, need rows of one length. */
  #ties(): Tie[] {
    const ties: Tie[] = [];
    const rowsOf = (ids: ArrayLike<number>, length: number): Tie => ({
      rows: Array.from({ length: ids.length / length }, (_, row) =>
        Array.from({ length }, (_, i) => this.#sets.find(ids[row * length + i]!)),
      ),
    });
    for (const { flow, outputs } of this.#graph.operations) {
      const labels = flow.type === 'reshape' ? this.#features.tensors.get(outputs[0]!) : undefined;
      if (labels !== undefined && labels.axes.length > 1) ties.push(rowsOf(labels.ids, labels.sizes.at(-1)!));
    }
    for (const { name, groups, inputs, outputs } of this.#graph.layers) {
      if (groups === 1 || this.#features.filters.has(name)) continue;
      const columns = this.#features.columns.get(name);
      const rows = this.#features.rows.get(name);
      if (columns !== undefined) ties.push(rowsOf(columns, inputs / groups));
      if (rows !== undefined) ties.push(rowsOf(rows, outputs / groups));
    }
    return ties;
  }

  #width(groups: readonly Group[], ties: readonly Tie[]): Width {
    const roots = groups.flatMap((group) => group.roots);
    const members = new Set(roots);
    const rowsOf = new Map<number, string[]>(roots.map((root) => [root, []]));
    for (const [t, { rows }] of ties.entries()) {
      for (const [r, row] of rows.entries()) {
        for (const root of new Set(row)) if (members.has(root)) rowsOf.get(root)!.push(`${t}:${r}`);
      }
    }
    const blocks = new Map<string, number[]>();
    for (const root of roots) {
      const key = rowsOf.get(root)!.join(' ');
      blocks.set(key, [...(blocks.get(key) ?? []), root]);
    }
    const runs = [...blocks.values()];
    const names = (of: keyof Places): string[] => [
      ...new Set(groups.flatMap(({ places }) => [...places[of]])),
    ];
    const pinned = roots.map((root) => this.#sets.pinned(root)).find((reason) => reason !== undefined);
    const uneven = runs.some((run) => run.length !== runs[0]!.length)
      ? 'its features lie in blocks of different sizes'
      : undefined;
    const single = runs.every((run) => run.length === 1) ? 'nothing is left of a single feature' : undefined;
    return {
      name: '',
      size: roots.length,
      blocks: runs.map((run) => Int32Array.from(run)),
      producers: names('producers'),
      consumers: names('consumers'),
      operations: names('operations'),
      parameters: roots.reduce((sum, root) => sum + (this.#values.get(root) ?? 0), 0),
      residual: this.#residual(roots, names('producers'), names('consumers')),
      reason: pinned ?? uneven ?? single ?? this.#multiplied(roots, names('consumers')),
    };
  }

  /** A sum of features, one of whose producers reads what comes from one of its consumers. */
  #residual(roots: readonly number[], producers: readonly string[], consumers: readonly string[]): boolean {
    if (!roots.some((root) => this.#summed.has(root))) return false;
    const reached = new Set<string>();
    for (const { flow, inputs, outputs } of this.#graph.operations) {
      const comes = inputs.some((name) => reached.has(name));
      const layer = flow.type === 'layer' ? flow.layer : undefined;
      if (layer !== undefined && comes && producers.includes(layer)) return true;
      if (comes || (layer !== undefined && consumers.includes(layer)))
        for (const name of outputs) reached.add(name);
    }
    return false;
  }

  /** Queries and keys leave in pairs; where a layer reads them as well, it would miss more than it can make good. */
  #multiplied(roots: readonly number[], consumers: readonly string[]): string | undefined {
    const labels = consumers.flatMap((name) => [...this.#features.columns.get(name)!]);
    const read = new Set(labels.map((label) => this.#sets.find(label)));
    return roots.some((root) => read.has(root) && this.#paired.has(root))
      ? 'its features are multiplied with each other, too'
      : undefined;
  }

  #named(widths: readonly Width[]): Width[] {
    const order = new Map(this.#graph.layers.map(({ name }, i) => [name, i]));
    const place = ({ producers }: Width): number => order.get(producers[0]!)!;
    const sorted = [...widths].sort((a, b) => place(a) - place(b));
    const seen = new Map<string, number>();
    for (const { producers } of sorted) seen.set(producers[0]!, (seen.get(producers[0]!) ?? 0) + 1);
    const numbers = new Map<string, number>();
    return sorted.map((width) => {
      const name = width.producers[0]!;
      if (seen.get(name) === 1) return { ...width, name };
      const number = (numbers.get(name) ?? 0) + 1;
      numbers.set(name, number);
      return { ...width, name: `${name}:${number}` };
    });
  }
}
