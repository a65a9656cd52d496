/**
 * What lies between the makers and the readers of a block: operations on single values, which the format runs, in stages that depthwise
 * convolutions divide. The slope of a stage is read off by running it on slightly larger values.
 */
import type { Model, ModelSession } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import { allRows, forEachRead, type ReadPlaces, tensorOfRows } from './tensor-rows.js';
import type { WidthBlock } from './width-block.js';

/** How much larger values are where a slope is read off, as a share of their root mean square. */
const NUDGE = 1e-3;

/** A depthwise convolution of the network as it is. */
export interface DepthwiseFilters {
  /** Shape `[channels, span]`. */
  readonly weights: DenseMatrix;
  readonly bias: Float32Array | null;
}

/** Where a block's tensors lie. */
export interface BetweenPlaces {
  /** By depthwise convolution. */
  readonly depthwise: readonly ReadPlaces[];
  /** By stage, the shape of its tensors in one batch. */
  readonly shapes: readonly (readonly number[])[];
}

/** What went through, stage by stage. */
export interface Passed {
  /** What each stage is given: what makers or a depthwise convolution make. */
  readonly given: readonly (readonly DenseMatrix[])[];
  /** What comes of it, by tensor. */
  readonly made: readonly ReadonlyMap<string, DenseMatrix>[];
  /** Entries of the tensors' first axis. */
  readonly entries: number;
}

/** Filters with the channels side by side, shape `[span, channels]`. */
interface Taps {
  readonly taps: DenseMatrix;
  readonly bias: Float32Array | null;
  /** `Σ_s w[c, s]²`, by channel. */
  readonly squares: Float64Array;
}

interface Stage {
  readonly given: readonly { readonly tensor: string; readonly axis: number }[];
  readonly made: readonly { readonly tensor: string; readonly axis: number }[];
  /** Undefined where what is made is what is given. */
  readonly session: ModelSession | undefined;
  readonly shape: readonly number[];
}

export class Between {
  readonly #stages: readonly Stage[];
  readonly #block: WidthBlock;
  readonly #filters: readonly Taps[];
  readonly #places: readonly ReadPlaces[];

  private constructor(
    block: WidthBlock,
    stages: readonly Stage[],
    filters: readonly DepthwiseFilters[],
    places: readonly ReadPlaces[],
  ) {
    this.#block = block;
    this.#stages = stages;
    this.#filters = filters.map(({ weights, bias }) => ({
      taps: transpose(weights),
      bias,
      squares: squaresOfRows(weights),
    }));
    this.#places = places;
  }

  /** @param model the network as it is */
  static async open(
    block: WidthBlock,
    { depthwise: places, shapes }: BetweenPlaces,
    filters: readonly DepthwiseFilters[],
    model: Model,
  ): Promise<Between> {
    const { makers, readers, depthwise } = block;
    const stages: Stage[] = [];
    for (const [s, shape] of shapes.entries()) {
      const before = depthwise[s - 1];
      const next = depthwise[s];
      const given =
        before === undefined
          ? makers.map(({ output, makes }) => ({ tensor: output, axis: makes }))
          : [{ tensor: before.output, axis: before.axis }];
      const made =
        next === undefined
          ? readers.map(({ input, reading }) => ({ tensor: input, axis: reading.axis }))
          : [{ tensor: next.input, axis: next.axis }];
      const known = given.map(({ tensor }) => tensor);
      const wanted = [...new Set(made.map(({ tensor }) => tensor))].filter((name) => !known.includes(name));
      const session = wanted.length > 0 ? await model.features!.observe(wanted, known).session() : undefined;
      stages.push({ given, made, session, shape });
    }
    return new Between(block, stages, filters, places);
  }

  async release(): Promise<void> {
    for (const { session } of this.#stages) await session?.release();
  }

  /** @param made what the makers give */
  async forth(made: readonly DenseMatrix[], entries: number): Promise<Passed> {
    const passed = { given: [made], made: [] as Map<string, DenseMatrix>[], entries };
    for (const [s, stage] of this.#stages.entries()) {
      const own = await run(stage, passed.given[s]!, entries);
      passed.made.push(own);
      const next = this.#block.depthwise[s];
      if (next !== undefined)
        passed.given.push([convolved(own.get(next.input)!, this.#places[s]!, this.#filters[s]!)]);
    }
    return passed;
  }

  /**
   * How an error changes with what the makers give.
   *
   * @param back how it changes with what readers read, by tensor
   */
  async back(passed: Passed, back: ReadonlyMap<string, DenseMatrix>): Promise<DenseMatrix[]> {
    let behind = back;
    for (let s = this.#stages.length - 1; ; s--) {
      const own: DenseMatrix[] = [];
      for (const [k, { rows, cols }] of passed.given[s]!.entries()) {
        const slopes = await this.#slopes(passed, s, k);
        const sum = denseMatrix(rows, cols);
        for (const [name, { data }] of behind) addProducts(sum.data, data, slopes?.get(name)?.data);
        own.push(sum);
      }
      const before = this.#block.depthwise[s - 1];
      if (before === undefined) return own;
      const { rows, cols } = passed.made[s - 1]!.get(before.input)!;
      const result = denseMatrix(rows, cols);
      addConvolvedBack(own[0]!, this.#places[s - 1]!, this.#filters[s - 1]!, result);
      behind = new Map([[before.input, result]]);
    }
  }

  /** About how much an error of what a maker gives counts for what readers read: mean squares of slopes, by feature, by tensor. */
  async meanSquares(passed: Passed, maker: number): Promise<ReadonlyMap<string, Float64Array>> {
    let found = new Map<string, Float64Array>();
    for (const s of this.#stages.keys()) {
      const { cols } = passed.given[s]![0]!;
      const slopes = await this.#slopes(passed, s, s === 0 ? maker : 0);
      const before = this.#block.depthwise[s - 1];
      const factors = before && found.get(before.input)!;
      found = new Map(
        [...passed.made[s]!.keys()].map((name) => {
          const own = meanSquareOfColumns(slopes?.get(name), cols);
          if (factors === undefined) return [name, own];
          const { squares } = this.#filters[s - 1]!;
          return [name, own.map((value, j) => value * factors[j]! * squares[j]!)];
        }),
      );
    }
    return found;
  }

  /** By tensor, how a stage changes with one thing that it is given; undefined where the two are one. */
  async #slopes(
    { given, made, entries }: Passed,
    s: number,
    k: number,
  ): Promise<Map<string, DenseMatrix> | undefined> {
    const stage = this.#stages[s]!;
    if (stage.session === undefined) return undefined;
    const { rows, cols, data } = given[s]![k]!;
    const nudge = NUDGE * (rootMeanSquare(data) || 1);
    const larger = denseMatrix(rows, cols);
    for (let i = 0; i < data.length; i++) larger.data[i] = data[i]! + nudge;
    const slopes = await run(stage, given[s]!.with(k, larger), entries);
    for (const [name, { data: before }] of made[s]!) {
      const own = slopes.get(name)!.data;
      for (let i = 0; i < own.length; i++) own[i] = (own[i]! - before[i]!) / (larger.data[i]! - data[i]!);
    }
    return slopes;
  }
}

/** What a stage makes, by tensor. */
async function run(
  { given, made, session, shape }: Stage,
  rows: readonly DenseMatrix[],
  entries: number,
): Promise<Map<string, DenseMatrix>> {
  const known = new Map(given.map(({ tensor }, k) => [tensor, rows[k]!]));
  if (session !== undefined) {
    const feeds = given.map(({ tensor, axis }, k) => [
      tensor,
      tensorOfRows(rows[k]!, shape.with(0, entries), axis),
    ]);
    const found = await session.run(Object.fromEntries(feeds));
    for (const { tensor, axis } of made)
      if (found[tensor] !== undefined) known.set(tensor, allRows(found[tensor], axis));
  }
  return new Map(made.map(({ tensor }) => [tensor, known.get(tensor)!]));
}

/** `y[p, c] = Σ_s w[c, s] x[place of s, c] + b[c]`. */
function convolved({ rows, cols, data }: DenseMatrix, places: ReadPlaces, { taps, bias }: Taps): DenseMatrix {
  const result = denseMatrix((rows / places.of) * (places.positions.length / places.span), cols);
  if (bias !== null) for (let row = 0; row < result.rows; row++) result.data.set(bias, row * cols);
  forEachRead(places, rows, (row, position, s) =>
    addTaps(result.data, row * cols, data, position * cols, taps, s),
  );
  return result;
}

/** The transpose of `convolved`, without the bias. */
function addConvolvedBack(
  { cols, data }: DenseMatrix,
  places: ReadPlaces,
  { taps }: Taps,
  result: DenseMatrix,
): void {
  forEachRead(places, result.rows, (row, position, s) =>
    addTaps(result.data, position * cols, data, row * cols, taps, s),
  );
}

/** Adds one row, times position s of the filters, to another. */
function addTaps(
  sums: Float32Array,
  to: number,
  values: Float32Array,
  from: number,
  { cols, data }: DenseMatrix,
  s: number,
): void {
  for (let c = 0; c < cols; c++) sums[to + c] = sums[to + c]! + data[s * cols + c]! * values[from + c]!;
}

function squaresOfRows({ rows, cols, data }: DenseMatrix): Float64Array {
  const sums = new Float64Array(rows);
  for (let i = 0; i < data.length; i++)
    sums[Math.floor(i / cols)] = sums[Math.floor(i / cols)]! + data[i]! ** 2;
  return sums;
}

/** @param slopes 1 where left out */
function meanSquareOfColumns(slopes: DenseMatrix | undefined, cols: number): Float64Array {
  const sums = new Float64Array(cols).fill(slopes === undefined ? 1 : 0);
  if (slopes === undefined) return sums;
  for (let i = 0; i < slopes.data.length; )
    for (let j = 0; j < cols; j++, i++) sums[j] = sums[j]! + slopes.data[i]! ** 2 / slopes.rows;
  return sums;
}

/** Adds values times slopes. @param slopes 1 where left out */
function addProducts(sums: Float32Array, values: Float32Array, slopes: Float32Array | undefined): void {
  for (let i = 0; i < values.length; i++)
    sums[i] = sums[i]! + (slopes === undefined ? values[i]! : values[i]! * slopes[i]!);
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum / Math.max(1, values.length));
}
