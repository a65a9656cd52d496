/**
 * L-BFGS: descent along an approximate inverse of the Hessian, `H ≈ γP` changed by the last steps (Nocedal, 1980, doi:10.2307/2006193;
 * Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4 and 3.1).
 */

/** A function's value and gradient at a point. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface QuasiNewtonOptions {
  /** P, what the inverse of the Hessian is about: symmetric, positive definite. */
  readonly precondition: (vector: Float64Array) => Promise<Float64Array>;
  /** The most steps. */
  readonly steps: number;
  /** Called with every point that is reached; returns whether to go on. */
  readonly onStep: (point: Float64Array) => Promise<boolean>;
}

/** Steps that are remembered. */
const HISTORY = 8;
/** Share of the decrease that the slope foretells which a step has to bring (Armijo). */
const DECREASE = 1e-4;
/** Lengths of a step that are tried. */
const TRIALS = 6;
/** The least and the most of a length that is tried next. */
const SHORTER = { least: 0.1, most: 0.5 };

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly product: number;
}

/** Goes down from a point until no length of a step helps any more, or there are steps enough. */
export async function descend(
  start: Float64Array,
  evaluate: (point: Float64Array) => Promise<Evaluation>,
  { precondition, steps, onStep }: QuasiNewtonOptions,
): Promise<void> {
  const history: Pair[] = [];
  let scale = 1;
  let point = start;
  let present = await evaluate(point);
  for (let step = 0; step < steps; step++) {
    const direction = await descentDirection(present.gradient, history, scale, precondition);
    const slope = dot(direction, present.gradient);
    if (!(slope < 0)) return;
    const reached = await search(point, present.value, direction, slope, evaluate);
    if (reached === undefined) return;
    const pair = pairOf(point, present, reached);
    if (pair.product > 0) {
      history.push(pair);
      if (history.length > HISTORY) history.shift();
      scale = pair.product / dot(pair.change, await precondition(pair.change));
    }
    point = reached.point;
    present = reached;
    if (!(await onStep(point))) return;
  }
}

type Reached = Evaluation & { readonly point: Float64Array };

/** The first length, from 1 on, that brings the value down enough; each shorter one is where a parabola is lowest. */
async function search(
  from: Float64Array,
  value: number,
  direction: Float64Array,
  slope: number,
  evaluate: (point: Float64Array) => Promise<Evaluation>,
): Promise<Reached | undefined> {
  let length = 1;
  for (let trial = 0; trial < TRIALS; trial++) {
    const point = from.map((x, i) => x + length * direction[i]!);
    const found = await evaluate(point);
    if (found.value <= value + DECREASE * length * slope) return { ...found, point };
    const lowest = (-slope * length ** 2) / (2 * (found.value - value - slope * length));
    length = Math.min(SHORTER.most * length, Math.max(SHORTER.least * length, lowest || 0));
  }
  return undefined;
}

/** `−H g`, by two loops over the steps that are remembered. */
async function descentDirection(
  gradient: Float64Array,
  history: readonly Pair[],
  scale: number,
  precondition: (vector: Float64Array) => Promise<Float64Array>,
): Promise<Float64Array> {
  const rest = gradient.slice();
  const shares = history.map(() => 0);
  for (let k = history.length - 1; k >= 0; k--) {
    const { step, change, product } = history[k]!;
    shares[k] = dot(step, rest) / product;
    addTimes(rest, change, -shares[k]!);
  }
  const direction = (await precondition(rest)).map((value) => scale * value);
  for (const [k, { step, change, product }] of history.entries())
    addTimes(direction, step, shares[k]! - dot(change, direction) / product);
  return direction.map((value) => -value);
}

function pairOf(point: Float64Array, before: Evaluation, { point: after, gradient }: Reached): Pair {
  const step = after.map((x, i) => x - point[i]!);
  const change = gradient.map((x, i) => x - before.gradient[i]!);
  return { step, change, product: dot(step, change) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addTimes(sum: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + factor * values[i]!;
}
