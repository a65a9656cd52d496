import { type LongRunOptions, Pause } from '../cancellation.js';
import type { Objective } from './objective.js';
import { forEachRow, measure, type Partition, partition, pointShares } from './partition.js';
import type { Points } from './points.js';

/** An exchange must gain this share of the whole objective, so that rounding cannot keep it going. */
const MINIMAL_GAIN = 1e-10;

/**
 * The objective rises with every move, so passes end by themselves, after a few dozen in practice. Only a Gram matrix that
 * an engine computes unequally on both sides of its diagonal could go round in circles.
 */
const MAX_PASSES = 1000;

/** Beyond this share of all points, looking at changed clusters one by one costs more than looking at all. */
const MOST_CHANGED = 0.25;

export interface HartiganOptions extends LongRunOptions {
  /** `false` looks at all clusters at every visit: the same result up to ties, slower. For comparisons. Default `true`. */
  readonly bounds?: boolean | undefined;
}

/**
 * Hartigan's method (Hartigan, Clustering Algorithms, 1975; Telgarsky and Vattani, AISTATS 2010) in Gram space: move
 * single points between clusters, each move judged by its exact effect on the objective, centroids included, until
 * no move of one point improves it. In high dimensions with small clusters it goes on where Lloyd's algorithm is stuck
 * (arXiv:2602.09936). The objective never falls, and no cluster becomes empty.
 *
 * What a point gains by joining a cluster changes only when that cluster does. So every point keeps an upper bound
 * over all clusters, and a later visit looks at those that have changed since, unless the bound no longer rules out the
 * others. This is exact: it ends at an optimum of the full neighbourhood. Cost: `n(n + k)` for a pass that looks at
 * everything, in practice the first few; later ones cost a small share of it.
 *
 * @param start the initial assignment, n values in [0, k), no cluster empty
 */
export async function hartigan(
  points: Points,
  start: Int32Array,
  k: number,
  objective: Objective,
  options: HartiganOptions = {},
): Promise<{ partition: Partition; iterations: number }> {
  const pause = new Pause(options.signal);
  const initial = partition(points, start.slice(), k);
  await measure(points, initial, pause);
  const search = new ExchangeSearch(points, initial, objective, options.bounds ?? true);
  let passes = 0;
  for (let moves = -1; moves !== 0 && passes < MAX_PASSES; ) {
    moves = 0;
    await forEachRow(points, pause, (j, rows, at) => {
      if (search.visit(j, rows, at)) moves++;
    });
    passes++;
    options.onProgress?.({ phase: 'hartigan', done: passes, total: undefined });
  }
  await measure(points, search.current, pause);
  return { partition: search.current, iterations: passes };
}

/** The state of the search: the partition, its members, and what is known about every point. */
class ExchangeSearch {
  readonly current: Partition;
  readonly #points: Points;
  readonly #objective: Objective;
  readonly #shares: Float64Array;
  /** What each cluster contributes to the objective. */
  readonly #values: Float64Array;
  readonly #minimalGain: number;
  readonly #mostChanged: number;
  /** Members of each cluster in no particular order, and each point's place among them. */
  readonly #members: number[][];
  readonly #places: Int32Array;
  /** An upper bound of what each point gains by joining any other cluster, as things stood at its last visit. */
  readonly #bounds: Float64Array;
  readonly #visited: Float64Array;
  /** When each cluster last changed, counted in moves. */
  readonly #changed: Float64Array;
  readonly #recent: RecencyList;
  #moves = 0;

  constructor(points: Points, current: Partition, objective: Objective, bounds: boolean) {
    const { k, assignment } = current;
    this.current = current;
    this.#points = points;
    this.#objective = objective;
    this.#shares = pointShares(points);
    this.#values = current.squaredNorms.map((q, c) => objective.value(q, current.weights[c]!));
    this.#minimalGain = MINIMAL_GAIN * this.#values.reduce((sum, value) => sum + value, 0);
    this.#members = Array.from({ length: k }, () => []);
    this.#places = assignment.map((c, j) => this.#members[c]!.push(j) - 1);
    this.#mostChanged = bounds ? MOST_CHANGED * points.count : -1;
    this.#bounds = new Float64Array(points.count).fill(Number.POSITIVE_INFINITY);
    this.#visited = new Float64Array(points.count);
    this.#changed = new Float64Array(k);
    this.#recent = new RecencyList(k);
  }

  /** Moves point j to where it improves the objective most, if anywhere. Row j of G is `rows[at .. at + n)`. */
  visit(j: number, rows: Float32Array, at: number): boolean {
    const own = this.current.assignment[j]!;
    // To leave a cluster of one never improves either objective.
    if (this.current.sizes[own] === 1) return false;
    const ownDot = this.#dot(own, rows, at);
    const needed = this.#minimalGain + this.#lossOfLeaving(j, ownDot);
    const now = this.#moves;
    let best = this.#bounds[j]! <= needed ? this.#bestOfChanged(j, own, needed, rows, at) : UNDECIDED;
    if (best === UNDECIDED) best = this.#bestOfAll(j, own, needed, rows, at);
    this.#visited[j] = now;
    if (best < 0) return false;
    this.#move(j, best, ownDot, this.#dot(best, rows, at));
    return true;
  }

  #bestOfAll(j: number, own: number, needed: number, rows: Float32Array, at: number): number {
    const { k } = this.current;
    let best = -1;
    let bestGain = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < k; c++) {
      if (c === own) continue;
      const gain = this.#gainOfJoining(j, c, this.#dot(c, rows, at));
      if (gain > bestGain) {
        bestGain = gain;
        best = c;
      }
    }
    this.#bounds[j] = bestGain;
    return bestGain > needed ? best : -1;
  }

  /** The same over the clusters that changed since the last visit; the bound rules out the others. */
  #bestOfChanged(j: number, own: number, needed: number, rows: Float32Array, at: number): number {
    const since = this.#visited[j]!;
    let best = -1;
    let bestGain = needed;
    let bound = this.#bounds[j]!;
    let looked = 0;
    for (let c = this.#recent.first; c >= 0 && this.#changed[c]! > since; c = this.#recent.next(c)) {
      if (c === own) continue;
      looked += this.current.sizes[c]!;
      if (looked > this.#mostChanged) return UNDECIDED;
      const gain = this.#gainOfJoining(j, c, this.#dot(c, rows, at));
      if (gain > bound) bound = gain;
      if (gain > bestGain) {
        bestGain = gain;
        best = c;
      }
    }
    this.#bounds[j] = bound;
    return best;
  }

  /** `Σ_{l ∈ c} ω_l t_l G_jl` over the members of a cluster. */
  #dot(c: number, rows: Float32Array, at: number): number {
    const members = this.#members[c]!;
    const shares = this.#shares;
    let sum = 0;
    for (let p = 0; p < members.length; p++) {
      const l = members[p]!;
      sum += shares[l]! * rows[at + l]!;
    }
    return sum;
  }

  #lossOfLeaving(j: number, dot: number): number {
    const { assignment, weights } = this.current;
    const c = assignment[j]!;
    return (
      this.#values[c]! -
      this.#objective.value(this.#without(j, c, dot), weights[c]! - this.#points.weights[j]!)
    );
  }

  #gainOfJoining(j: number, c: number, dot: number): number {
    const weight = this.current.weights[c]! + this.#points.weights[j]!;
    return this.#objective.value(this.#with(j, c, dot), weight) - this.#values[c]!;
  }

  /** q of cluster c without its member j. */
  #without(j: number, c: number, dot: number): number {
    const { weights, squaredNorms } = this.#points;
    const weight = weights[j]!;
    const q = this.current.squaredNorms[c]! - 2 * this.#shares[j]! * dot + weight * weight * squaredNorms[j]!;
    return Math.max(q, 0);
  }

  /** q of cluster c with point j added. */
  #with(j: number, c: number, dot: number): number {
    const { weights, squaredNorms } = this.#points;
    const weight = weights[j]!;
    const q = this.current.squaredNorms[c]! + 2 * this.#shares[j]! * dot + weight * weight * squaredNorms[j]!;
    return Math.max(q, 0);
  }

  #move(j: number, target: number, ownDot: number, targetDot: number): void {
    const { assignment, sizes, squaredNorms, weights } = this.current;
    const own = assignment[j]!;
    const weight = this.#points.weights[j]!;
    squaredNorms[own] = this.#without(j, own, ownDot);
    squaredNorms[target] = this.#with(j, target, targetDot);
    weights[own] = weights[own]! - weight;
    weights[target] = weights[target]! + weight;
    sizes[own] = sizes[own]! - 1;
    sizes[target] = sizes[target]! + 1;
    this.#values[own] = this.#objective.value(squaredNorms[own]!, weights[own]!);
    this.#values[target] = this.#objective.value(squaredNorms[target]!, weights[target]!);
    this.#leave(j, own);
    assignment[j] = target;
    this.#places[j] = this.#members[target]!.push(j) - 1;
    this.#moves++;
    this.#changed[own] = this.#moves;
    this.#changed[target] = this.#moves;
    this.#recent.toFront(own);
    this.#recent.toFront(target);
  }

  /** Takes point j out of a cluster's members: the last one takes its place. */
  #leave(j: number, c: number): void {
    const members = this.#members[c]!;
    const place = this.#places[j]!;
    const last = members.pop()!;
    if (last === j) return;
    members[place] = last;
    this.#places[last] = place;
  }
}

/** No cluster was chosen and none was ruled out. */
const UNDECIDED = -2;

/** Clusters in the order of their last change, latest first. */
class RecencyList {
  first: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(size: number) {
    this.first = 0;
    this.#next = Int32Array.from({ length: size }, (_, c) => (c + 1 < size ? c + 1 : -1));
    this.#previous = Int32Array.from({ length: size }, (_, c) => c - 1);
  }

  next(c: number): number {
    return this.#next[c]!;
  }

  toFront(c: number): void {
    if (this.first === c) return;
    const before = this.#previous[c]!;
    const after = this.#next[c]!;
    this.#next[before] = after;
    if (after >= 0) this.#previous[after] = before;
    this.#previous[this.first] = c;
    this.#next[c] = this.first;
    this.#previous[c] = -1;
    this.first = c;
  }
}
