/** How far the readers of a block are from what the original gives, and where it gets less: least squares through the operations between. */
import { invertByBlocks } from '../calibration/block-inverse.js';
import { addTo } from '../calibration/moments.js';
import type { Model } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { spread } from '../matrix/spread.js';
import { Between, type DepthwiseFilters, type Passed } from './between.js';
import type { BlockSamples, Chunk } from './block-samples.js';
import type { Evaluation } from './quasi-newton.js';
import { addReadRows, readRows } from './tensor-rows.js';
import type { WidthBlock } from './width-block.js';

/** Ridge of the second moments about which the descent goes, as a multiple of their mean. */
const STRENGTH = 1;
/** Relative difference up to which the block is what the graph says of it. */
const SAME = 1e-3;
/** Of neurons that say nothing, as a share of the mean. */
const LEAST_WEIGHT = 1e-3;

/** What one chunk makes of some weights. */
interface Run {
  readonly passed: Passed;
  /** What readers read, with ones for the bias; until the next run. */
  readonly seen: readonly DenseMatrix[];
  /** What readers give, less the targets. */
  readonly rest: readonly DenseMatrix[];
}

export class BlockError {
  readonly #block: WidthBlock;
  readonly #samples: BlockSamples;
  readonly #engine: MatrixEngine;
  readonly #between: Between;
  /** Shapes of the weights: those of makers, then of readers. */
  readonly #shapes: readonly (readonly [number, number])[];
  /** Whether a value per output is added, by layer. */
  readonly #biased: readonly boolean[];
  /** Room for what readers read, one run after the other: by reader, and by its length. */
  readonly #room: readonly Map<number, Float32Array>[];
  /** By reader: `1 / Σ ‖y − ȳ‖²`, over the training samples. */
  readonly #units: readonly number[];

  private constructor(
    block: WidthBlock,
    samples: BlockSamples,
    start: readonly DenseMatrix[],
    engine: MatrixEngine,
    between: Between,
  ) {
    this.#block = block;
    this.#samples = samples;
    this.#engine = engine;
    this.#between = between;
    this.#shapes = start.map(({ rows, cols }) => [rows, cols]);
    this.#room = block.readers.map(() => new Map());
    this.#biased = [...block.makers, ...block.readers].map(({ layer }) => layer.bias);
    this.#units = block.readers.map((_, r) => 1 / spread(samples.train.map(({ targets }) => targets[r]!)));
  }

  /** @param filters those of depthwise convolutions; @param model the network as it is, which has what lies between the layers of the block */
  static async open(
    block: WidthBlock,
    samples: BlockSamples,
    start: readonly DenseMatrix[],
    filters: readonly DepthwiseFilters[],
    model: Model,
    engine: MatrixEngine,
  ): Promise<BlockError> {
    const between = await Between.open(block, samples.places, filters, model);
    return new BlockError(block, samples, start, engine, between);
  }

  async release(): Promise<void> {
    await this.#between.release();
  }

  /** Whether the block gives what the network gives there. */
  async agrees(weights: readonly DenseMatrix[]): Promise<boolean> {
    const [chunk] = this.#samples.train;
    const hidden = hiddenOf(await this.#run(weights, chunk!));
    return this.#block.readers.every(({ input }, r) => {
      const [own, given] = [hidden.get(input)!.data, chunk!.hidden[r]!.data];
      let [apart, size] = [0, 0];
      for (let i = 0; i < given.length; i++) {
        apart += (own[i]! - given[i]!) ** 2;
        size += given[i]! ** 2;
      }
      return own.length === given.length && apart <= SAME ** 2 * size;
    });
  }

  weightsAt(point: Float64Array): DenseMatrix[] {
    let at = 0;
    return this.#shapes.map(([rows, cols]) => {
      const own = denseMatrix(rows, cols, Float32Array.from(point.subarray(at, at + rows * cols)));
      at += rows * cols;
      return own;
    });
  }

  /** Sum of the readers' relative errors on the samples that were held back, up to a factor. */
  async held(point: Float64Array): Promise<number> {
    const weights = this.weightsAt(point);
    let error = 0;
    for (const chunk of this.#samples.held) error += this.#errorOf(await this.#run(weights, chunk));
    return error;
  }

  /** Sum of the readers' relative errors, and how it changes with the weights. */
  async evaluate(point: Float64Array): Promise<Evaluation> {
    const weights = this.weightsAt(point);
    const { makers, readers } = this.#block;
    const gradients = weights.map(({ rows, cols }) => new Float64Array(rows * cols));
    let value = 0;
    for (const chunk of this.#samples.train) {
      const run = await this.#run(weights, chunk);
      value += this.#errorOf(run);
      const back = new Map(
        [...hiddenOf(run)].map(([name, { rows, cols }]) => [name, denseMatrix(rows, cols)]),
      );
      for (const [r, { input }] of readers.entries()) {
        const own = weights[makers.length + r]!;
        const rest = run.rest[r]!;
        const unit = 2 * this.#units[r]!;
        for (let i = 0; i < rest.data.length; i++) rest.data[i] = rest.data[i]! * unit;
        addTo(
          gradients[makers.length + r]!,
          (await this.#engine.multiply(transpose(rest), run.seen[r]!)).data,
        );
        const read = await this.#engine.multiply(rest, withoutLast(own));
        addReadRows(read, this.#samples.places.readers[r]!, back.get(input)!);
      }
      for (const [k, own] of (await this.#between.back(run.passed, back)).entries())
        addTo(gradients[k]!, (await this.#engine.multiply(transpose(own), chunk.read[k]!)).data);
    }
    for (const [l, biased] of this.#biased.entries()) if (!biased) clearLast(gradients[l]!, weights[l]!.cols);
    return { value, gradient: joined(gradients) };
  }

  /** About the inverse of the Hessian at a point, as a map of gradients. */
  async preconditioner(point: Float64Array): Promise<(gradient: Float64Array) => Promise<Float64Array>> {
    const weights = this.weightsAt(point);
    const { makers, readers } = this.#block;
    const moments = weights.map(({ cols }) => new Float64Array(cols * cols));
    const slopes = makers.map((_, k) => new Float64Array(weights[k]!.rows));
    let rows = 0;
    for (const chunk of this.#samples.train) {
      const run = await this.#run(weights, chunk);
      for (const [l, read] of [...chunk.read, ...run.seen].entries())
        addTo(moments[l]!, (await this.#engine.multiply(transpose(read), read)).data);
      const { rows: count } = chunk.read[0]!;
      rows += count;
      for (const k of makers.keys()) {
        const squares = await this.#between.meanSquares(run.passed, k);
        for (const [r, { input }] of readers.entries())
          addWeightedSquares(
            slopes[k]!,
            squares.get(input)!,
            weights[makers.length + r]!,
            count * this.#units[r]!,
          );
      }
    }
    const factors: { readonly inverse: DenseMatrix; readonly scales: Float64Array }[] = [];
    for (const [l, { rows: outputs, cols }] of weights.entries()) {
      const own = moments[l]!;
      addRidge(own, cols);
      if (!this.#biased[l]) separateLast(own, cols);
      if (!(await invertByBlocks(own, cols, this.#engine))) return async (gradient) => gradient;
      const scales =
        l < makers.length
          ? inverseWeights(slopes[l]!, rows)
          : new Float64Array(outputs).fill(1 / (2 * this.#units[l - makers.length]!));
      factors.push({ inverse: denseMatrix(cols, cols, Float32Array.from(own)), scales });
    }
    return async (gradient) => {
      const parts: Float64Array[] = [];
      for (const [l, part] of this.weightsAt(gradient).entries()) {
        const { inverse, scales } = factors[l]!;
        const { data, cols } = await this.#engine.multiply(part, inverse);
        parts.push(Float64Array.from(data, (value, i) => value * scales[Math.floor(i / cols)]!));
      }
      return joined(parts);
    };
  }

  #errorOf({ rest }: Run): number {
    let sum = 0;
    for (const [r, { data }] of rest.entries())
      for (let i = 0; i < data.length; i++) sum += data[i]! ** 2 * this.#units[r]!;
    return sum;
  }

  async #run(weights: readonly DenseMatrix[], chunk: Chunk): Promise<Run> {
    const { makers, readers } = this.#block;
    const { places } = this.#samples;
    const made: DenseMatrix[] = [];
    for (const k of makers.keys())
      made.push(await this.#engine.multiply(chunk.read[k]!, transpose(weights[k]!)));
    const passed = await this.#between.forth(made, chunk.entries);
    const hidden = hiddenOf({ passed });
    const seen = readers.map(({ input }, r) => {
      const room = this.#room[r]!;
      const rows = readRows(hidden.get(input)!, places.readers[r]!, room.get(chunk.targets[r]!.rows));
      room.set(rows.rows, rows.data);
      return rows;
    });
    const rest: DenseMatrix[] = [];
    for (const r of readers.keys()) {
      const given = await this.#engine.multiply(seen[r]!, transpose(weights[makers.length + r]!));
      const { data } = chunk.targets[r]!;
      for (let i = 0; i < data.length; i++) given.data[i] = given.data[i]! - data[i]!;
      rest.push(given);
    }
    return { passed, seen, rest };
  }
}

/** What readers read, by tensor. */
function hiddenOf({ passed }: Pick<Run, 'passed'>): ReadonlyMap<string, DenseMatrix> {
  return passed.made.at(-1)!;
}

/** Adds `E[φ'²] ‖w_j‖²` for each feature j. @param slopes E[φ'²] */
function addWeightedSquares(
  sums: Float64Array,
  slopes: Float64Array,
  { rows, cols, data }: DenseMatrix,
  unit: number,
): void {
  const features = sums.length;
  for (let o = 0; o < rows; o++)
    for (let c = 0; c < cols - 1; c++)
      sums[c % features] = sums[c % features]! + slopes[c % features]! * data[o * cols + c]! ** 2 * unit;
}

/** By neuron, `1 / 2 E[φ'²] ‖w_j‖²`. @param rows over which the sums were taken */
function inverseWeights(sums: Float64Array, rows: number): Float64Array {
  const mean = sums.reduce((sum, value) => sum + value, 0) / Math.max(1, sums.length);
  return sums.map((sum) => rows / (2 * (sum + LEAST_WEIGHT * mean)));
}

/** Adds a multiple of the mean of the diagonal to it, but for the bias. */
function addRidge(moments: Float64Array, n: number): void {
  let mean = 0;
  for (let i = 0; i < n - 1; i++) mean += moments[i * n + i]! / (n - 1);
  for (let i = 0; i < n - 1; i++) moments[i * n + i] = moments[i * n + i]! + STRENGTH * mean;
}

/** Zeros in the last column. */
function clearLast(values: Float64Array, cols: number): void {
  for (let i = cols - 1; i < values.length; i += cols) values[i] = 0;
}

/** 1 on the diagonal, and nothing beside it, in the last column and row. */
function separateLast(moments: Float64Array, n: number): void {
  clearLast(moments, n);
  moments.fill(0, n * (n - 1));
  moments[n * n - 1] = 1;
}

function withoutLast({ rows, cols, data }: DenseMatrix): DenseMatrix {
  const result = denseMatrix(rows, cols - 1);
  for (let row = 0; row < rows; row++)
    result.data.set(data.subarray(row * cols, row * cols + cols - 1), row * (cols - 1));
  return result;
}

/** All values in a row: a point of the descent, of weights in the order of the layers. */
export function joined(parts: readonly (Float32Array | Float64Array)[]): Float64Array {
  const result = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
