/**
 * A layer of which moments are not taken column by column: one with too many columns, or a convolution whose filters cannot be laid out.
 * Its features are judged with all their columns together, what leaves becomes a sum of what stays, `x_j ≈ Σ a_ij x_i`, and where its rows
 * are whole the columns are refitted from there to what the original gives.
 */
import { affineRidge, withRidge } from '../calibration/affine-ridge.js';
import { invertByBlocks } from '../calibration/block-inverse.js';
import { type CentredMoments, Moments, momentsOfColumns } from '../calibration/moments.js';
import { refitLayer } from '../calibration/refit-layer.js';
import type { FeatureLayer } from '../format/feature-flow.js';
import { type DenseMatrix, denseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { contributionGram } from './contributions.js';
import { FeatureSweep } from './feature-sweep.js';
import { columnsOf, type GroupWeights, groupWeights, placesByFeature, replaceGroup } from './layer-groups.js';
import type { NarrowedNetwork } from './narrowed-network.js';
import type { Belief, ReadingLayer } from './reading-layer.js';

/** Features up to which their moments are solved: the cost grows with the cube. */
const MOST_FEATURES = 1024;
/** Ridge of the sums that stand in for features, as a multiple of the mean variance. */
const SUBSTITUTE = 0.01;

/** What is known of a width's features in this layer. */
interface Judged {
  readonly features: readonly number[];
  /** Columns of each feature among the layer's own; the nth of one goes with the nth of another. */
  readonly places: readonly (readonly number[])[];
  /** Over all places of the features. */
  readonly variances: readonly number[];
  /** The same with what they have in common; undefined where there are too many features. */
  readonly moments: CentredMoments | undefined;
}

export class WideLayer implements ReadingLayer {
  readonly #network: NarrowedNetwork;
  readonly #layer: FeatureLayer;
  readonly #group: number;
  readonly #engine: MatrixEngine;
  readonly #own: GroupWeights;
  readonly #rows: { z: DenseMatrix; y: DenseMatrix | undefined }[] = [];
  #judged: Judged | undefined;

  constructor(network: NarrowedNetwork, layer: FeatureLayer, group: number, engine: MatrixEngine) {
    this.#network = network;
    this.#layer = layer;
    this.#group = group;
    this.#engine = engine;
    this.#own = groupWeights(network, layer, group);
  }

  async add(z: DenseMatrix, y: DenseMatrix | undefined): Promise<void> {
    this.#rows.push({ z, y });
  }

  async scores(features: readonly number[]): Promise<Float64Array> {
    const { places, variances } = await this.#judge(features);
    const { rows, cols, data } = this.#own.weights;
    return Float64Array.from(places, (own, j) => {
      let sum = 0;
      for (const c of own) for (let row = 0; row < rows; row++) sum += data[row * cols + c]! ** 2;
      return sum * variances[j]!;
    });
  }

  async sweep(
    features: readonly number[],
    { strength, likeness }: Belief,
    forGood: boolean,
  ): Promise<FeatureSweep | undefined> {
    const n = features.length;
    const { moments } = await this.#judge(features);
    if (moments === undefined) return undefined;
    const read = await this.#products(features);
    if (read === undefined) return undefined;
    const zz = withRidge(moments, strength, likeness?.data);
    if (!(await invertByBlocks(zz, n, this.#engine))) return undefined;
    return new FeatureSweep(zz, read, n, eachAlone(n), this.#engine, forGood);
  }

  async contributions(features: readonly number[]): Promise<Float64Array | undefined> {
    const { moments } = await this.#judge(features);
    const products = moments && (await this.#products(features));
    return products && contributionGram(products, moments.zz, features.length, eachAlone(features.length), 1);
  }

  /** `Σ w_i · w_j` over the columns of each two features that go together, by what all features contribute; undefined for nothing. */
  async #products(features: readonly number[]): Promise<Float64Array | undefined> {
    const n = features.length;
    const { places } = await this.#judge(features);
    const whole = (await this.scores(features)).reduce((sum, score) => sum + score, 0);
    if (!(whole > 0)) return undefined;
    // Rows are outputs at the nth column of each feature.
    const times = Math.max(...places.map((own) => own.length));
    const read = new Float64Array(n * n);
    for (let nth = 0; nth < times; nth++) {
      const own = nthColumns(this.#own.weights, places, nth);
      const products = await this.#engine.multiply(transpose(own), own);
      for (let at = 0; at < read.length; at++) read[at] = read[at]! + products.data[at]! / whole;
    }
    return read;
  }

  async errorWithout(): Promise<undefined> {
    return undefined;
  }

  async refit(leaving: ReadonlySet<number>): Promise<void> {
    const { columns, features, bias } = this.#own;
    const { weights, shift } = await this.#substituted(leaving);
    const stay = [...columns.keys()].filter((c) => !leaving.has(features[c]!));
    const start = columnsOf(weights, stay);
    const moved = bias?.map((value, o) => value + shift[o]!);
    const assignment = new Int32Array(columns.length).fill(-1);
    for (const [k, c] of stay.entries()) assignment[c] = k;
    const scales = new Float32Array(columns.length).fill(1);
    const layer = { assignment, scales, centroids: start, ...(moved && { bias: moved }) };
    const laid = this.#rows.every(({ z, y }) => y !== undefined && z.cols === columns.length);
    const { centroids, bias: refitted } = laid
      ? (await refitLayer(this.#layer.name, layer, moved, this.#batches(), this.#engine)).layer
      : layer;
    const places = stay.map((c) => columns[c]!);
    replaceGroup(this.#network, this.#layer, this.#group, places, centroids, refitted ?? moved);
  }

  async *#batches(): AsyncGenerator<{ inputs: DenseMatrix; targets: DenseMatrix }> {
    for (const { z, y } of this.#rows) yield { inputs: z, targets: y! };
  }

  /** The weights with what leaves given to what stays, and what that adds to the outputs on average. */
  async #substituted(leaving: ReadonlySet<number>): Promise<{ weights: DenseMatrix; shift: Float64Array }> {
    const { weights, bias } = this.#own;
    const result = denseMatrix(weights.rows, weights.cols, weights.data.slice());
    const shift = new Float64Array(weights.rows);
    if (this.#judged?.moments === undefined) return { weights, shift };
    const { features, places, moments } = this.#judged;
    const n = features.length;
    const [stay, gone]: [number[], number[]] = [[], []];
    for (const [j, feature] of features.entries()) (leaving.has(feature) ? gone : stay).push(j);
    const inner = momentsOfColumns(moments, stay);
    const zy = Float64Array.from(stay.flatMap((i) => gone.map((j) => moments.zz[i * n + j]!)));
    const meanY = Float64Array.from(gone, (j) => moments.meanZ[j]!);
    const solve = affineRidge({ ...inner, zy, meanY }, denseMatrix(gone.length, stay.length), this.#engine);
    const sums = await solve(SUBSTITUTE);
    if (sums === undefined) return { weights, shift };
    const [from, to] = [gone.map((j) => places[j]!), stay.map((i) => places[i]!)];
    const times = Math.max(0, ...from.map((own) => own.length));
    for (let nth = 0; nth < times; nth++) {
      const left = nthColumns(weights, from, nth);
      const given = await this.#engine.multiply(left, sums.weights);
      for (let row = 0; row < weights.rows; row++) {
        const at = row * weights.cols;
        for (const [k, own] of to.entries()) {
          const column = own[nth];
          if (column !== undefined)
            result.data[at + column] = result.data[at + column]! + given.data[row * to.length + k]!;
        }
        if (bias !== undefined)
          for (const [r, added] of sums.bias.entries())
            shift[row] = shift[row]! + left.data[row * gone.length + r]! * added;
      }
    }
    return { weights: result, shift };
  }

  async #judge(features: readonly number[]): Promise<Judged> {
    if (this.#judged?.features === features) return this.#judged;
    const n = features.length;
    const { features: labels, bias } = this.#own;
    const solved = n <= MOST_FEATURES;
    const moments = new Moments(solved ? n : 0, solved ? 0 : n, bias !== undefined, this.#engine);
    for (const { z } of this.#rows) {
      const rows = featureRows(z, placesByFeature(features, labels.subarray(0, z.cols)));
      const nothing = denseMatrix(rows.rows, 0);
      await (solved ? moments.add(rows, nothing) : moments.add(nothing, rows));
    }
    const centred = moments.centred();
    const variances = solved ? features.map((_, j) => centred.zz[j * n + j]!) : [...centred.yy];
    const places = placesByFeature(features, labels);
    this.#judged = { features, places, variances, moments: solved ? centred : undefined };
    return this.#judged;
  }
}

function eachAlone(n: number): number[][] {
  return Array.from({ length: n }, (_, j) => [j]);
}

/** The nth column of each feature, zeros where it has fewer: shape `[rows, features]`. */
function nthColumns(
  { rows, cols, data }: DenseMatrix,
  places: readonly (readonly number[])[],
  nth: number,
): DenseMatrix {
  const result = denseMatrix(rows, places.length);
  for (const [j, own] of places.entries()) {
    const column = own[nth];
    if (column === undefined) continue;
    for (let row = 0; row < rows; row++) result.data[row * places.length + j] = data[row * cols + column]!;
  }
  return result;
}

/** The nth columns of all features are a row: shape `[rows · times, features]`. */
function featureRows({ rows, cols, data }: DenseMatrix, places: readonly (readonly number[])[]): DenseMatrix {
  const times = Math.max(1, ...places.map((own) => own.length));
  const n = places.length;
  const result = denseMatrix(rows * times, n);
  for (const [j, own] of places.entries()) {
    for (const [nth, c] of own.entries())
      for (let row = 0; row < rows; row++) result.data[(row * times + nth) * n + j] = data[row * cols + c]!;
  }
  return result;
}
