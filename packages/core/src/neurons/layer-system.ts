/** Least squares of one layer, or of one group of its outputs: what it reads in the network as it is, and what the original gives there. */
import { type AffineMap, affineRidge } from '../calibration/affine-ridge.js';
import { type CentredMoments, Moments, momentsOfColumns } from '../calibration/moments.js';
import type { FeatureLayer } from '../format/feature-flow.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { evenlySpread } from '../random.js';
import { contributionGram } from './contributions.js';
import { columnLikeness } from './feature-likeness.js';
import { FeatureSweep } from './feature-sweep.js';
import { columnsOf, type GroupWeights, groupWeights, placesByFeature, replaceGroup } from './layer-groups.js';
import type { NarrowedNetwork } from './narrowed-network.js';
import type { Belief, ReadingLayer } from './reading-layer.js';

/** Share of the samples that is held back to choose the strength, and the most rows of them. */
const HOLD_BACK = 1 / 8;
const MOST_HELD_BACK = 4096;
/** Strengths of the ridge, strongest first, as multiples of the mean variance; infinity refits the bias alone. */
const STRENGTHS: readonly number[] = [
  Number.POSITIVE_INFINITY,
  3,
  1,
  0.3,
  0.1,
  0.03,
  0.01,
  0.003,
  0.001,
  0.0003,
];
/** Where the search begins. */
const USUAL = STRENGTHS.indexOf(0.1);

export class LayerSystem implements ReadingLayer {
  readonly #network: NarrowedNetwork;
  readonly #layer: FeatureLayer;
  readonly #group: number;
  readonly #engine: MatrixEngine;
  readonly #own: GroupWeights;
  readonly #moments: Moments;
  readonly #held: { z: DenseMatrix; y: DenseMatrix }[] = [];
  /** The place of the strength that was found without some features: near enough for others. */
  #found: number | undefined;

  constructor(network: NarrowedNetwork, layer: FeatureLayer, group: number, engine: MatrixEngine) {
    this.#network = network;
    this.#layer = layer;
    this.#group = group;
    this.#engine = engine;
    this.#own = groupWeights(network, layer, group);
    const { weights, bias } = this.#own;
    this.#moments = new Moments(weights.cols, weights.rows, bias !== undefined, engine);
  }

  async add(z: DenseMatrix, y: DenseMatrix | undefined, samples: Int32Array, share: number): Promise<void> {
    if (y === undefined) throw new RangeError(`${this.#layer.name}: rows without targets`);
    const [train, back]: [number[], number[]] = [[], []];
    for (const [row, sample] of samples.entries())
      (evenlySpread(sample) < HOLD_BACK ? back : train).push(row);
    const most = Math.min(back.length, Math.ceil(MOST_HELD_BACK * share));
    const some = Array.from({ length: most }, (_, i) => back[Math.floor((i * back.length) / most)]!);
    if (most > 0) this.#held.push({ z: rowsOf(z, some), y: rowsOf(y, some) });
    await this.#moments.add(rowsOf(z, train), rowsOf(y, train));
  }

  async sweep(
    features: readonly number[],
    { strength, likeness }: Belief,
    forGood: boolean,
  ): Promise<FeatureSweep | undefined> {
    const moments = this.#moments.centred();
    const n = this.#own.weights.cols;
    const places = placesByFeature(features, this.#own.features);
    const penalty = likeness && columnLikeness(likeness, places, n);
    const solved = await affineRidge(moments, this.#own.weights, this.#engine, penalty)(strength);
    const { spread } = moments;
    if (solved?.inverse === undefined || !(spread > 0)) return undefined;
    const products = await this.#engine.multiply(transpose(solved.weights), solved.weights);
    return new FeatureSweep(
      solved.inverse,
      new Float64Array(products.data).map((value) => value / spread),
      n,
      places,
      this.#engine,
      forGood,
    );
  }

  async contributions(features: readonly number[]): Promise<Float64Array | undefined> {
    const { zz, spread } = this.#moments.centred();
    if (!(spread > 0)) return undefined;
    const { weights, features: labels } = this.#own;
    const { data } = await this.#engine.multiply(transpose(weights), weights);
    return contributionGram(data, zz, weights.cols, placesByFeature(features, labels), spread);
  }

  async scores(features: readonly number[]): Promise<Float64Array> {
    const { zz } = this.#moments.centred();
    const { rows, cols, data } = this.#own.weights;
    return Float64Array.from(placesByFeature(features, this.#own.features), (own) => {
      let sum = 0;
      for (const c of own)
        for (let row = 0; row < rows; row++) sum += data[row * cols + c]! ** 2 * zz[c * cols + c]!;
      return sum;
    });
  }

  async errorWithout(leaving: ReadonlySet<number>): Promise<number | undefined> {
    const stay = this.#stay(leaving);
    const { error, index } = await this.#strongest(stay, columnsOf(this.#own.weights, stay), this.#found);
    this.#found = index;
    const rows = this.#held.reduce((sum, { y }) => sum + y.rows, 0);
    const spread = rows * this.#moments.spread;
    return spread > 0 ? error / spread : undefined;
  }

  async refit(leaving: ReadonlySet<number>): Promise<void> {
    const { columns, weights, bias } = this.#own;
    const stay = this.#stay(leaving);
    const start = columnsOf(weights, stay);
    const { strength } = await this.#strongest(stay, start, this.#found);
    for (const { z, y } of this.#held.splice(0)) await this.#moments.add(z, y);
    const solved =
      strength === null ? undefined : await affineRidge(this.#momentsOf(stay), start, this.#engine)(strength);
    const places = stay.map((c) => columns[c]!);
    replaceGroup(
      this.#network,
      this.#layer,
      this.#group,
      places,
      solved?.weights ?? start,
      bias && (solved?.bias ?? bias),
    );
  }

  #stay(leaving: ReadonlySet<number>): number[] {
    const { columns, features } = this.#own;
    return [...columns.keys()].filter((c) => !leaving.has(features[c]!));
  }

  /**
   * The strength with the smallest error on the rows held back, and that error; null where none is better than the weights as they are.
   *
   * @param only the place of the one strength that is tried; default: all that come into question
   */
  async #strongest(
    stay: readonly number[],
    start: DenseMatrix,
    only?: number,
  ): Promise<{ strength: number | null; index: number; error: number }> {
    const solve = affineRidge(this.#momentsOf(stay), start, this.#engine);
    const { bias } = this.#own;
    const held = this.#held.map(({ z, y }) => ({ z: columnsOf(z, stay), y }));
    const unbiased = new Float64Array(start.rows);
    const errorOf = async (map: AffineMap | undefined): Promise<number> => {
      if (map === undefined) return Number.POSITIVE_INFINITY;
      const added = bias === undefined ? unbiased : map.bias;
      let sum = 0;
      for (const { z, y } of held) {
        const { data } = await this.#engine.multiply(z, transpose(map.weights));
        for (let at = 0; at < data.length; )
          for (let o = 0; o < y.cols; o++, at++) sum += (y.data[at]! - data[at]! - added[o]!) ** 2;
      }
      return sum;
    };
    const usual = only ?? USUAL;
    let best = { index: usual, error: await errorOf(await solve(STRENGTHS[usual]!)) };
    for (const step of only === undefined ? [1, -1] : []) {
      const begun = best.index;
      for (let index = begun + step; STRENGTHS[index] !== undefined; index += step) {
        const error = await errorOf(await solve(STRENGTHS[index]!));
        if (!(error < best.error)) break;
        best = { index, error };
      }
      if (best.index !== begun) break;
    }
    const before = await errorOf({ weights: start, bias: Float64Array.from(bias ?? unbiased) });
    return best.error < before
      ? { strength: STRENGTHS[best.index]!, ...best }
      : { strength: null, index: best.index, error: before };
  }

  #momentsOf(columns: readonly number[]): CentredMoments {
    const moments = this.#moments.centred();
    return columns.length === moments.meanZ.length ? moments : momentsOfColumns(moments, columns);
  }
}

function rowsOf({ cols, data }: DenseMatrix, rows: readonly number[]): DenseMatrix {
  const result = denseMatrix(rows.length, cols);
  for (const [i, row] of rows.entries())
    result.data.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  return result;
}
