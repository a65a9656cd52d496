/**
 * Features between two layers with nothing but linear operations on the way, such as the value dimensions of a head, are one basis of many:
 * `O·v = (O·T⁻¹)·(T·v)`. They are turned into the one of which the first k carry the most of what the reading layer gives, for every k: with the
 * covariance `S = L·Lᵀ` of the features and `Lᵀ·Oᵀ·O·L = Q·Λ·Qᵀ`, `T = Qᵀ·L⁻¹` makes them uncorrelated with outputs that are orthogonal, so that leaving out the
 * smallest ones is the best approximation of that rank (Eckart and Young, 1936, doi:10.1007/BF02288367). Nothing is lost until some of them leave.
 */
import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  Matrix,
  SingularValueDecomposition,
} from 'ml-matrix';
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { firstSamples } from '../calibration/first-samples.js';
import { sampleRows } from '../calibration/layer-rows.js';
import type { FeatureGraph, FlowOperation } from '../format/feature-flow.js';
import type { Model } from '../format/model-format.js';
import { type NarrowedWeights, otherWeights } from '../format/model-narrowing.js';
import type { DenseMatrix } from '../matrix/dense-matrix.js';
import { findWidths, type Width } from '../widths/find-widths.js';
import { requireFeatures } from '../widths/require-features.js';
import { layerRead } from './layer-reads.js';
import { observedBatches } from './observed-batches.js';

/** Samples that tell covariances well enough. */
const SAMPLES = 256;
/** Rows for every feature of a block. */
const ROWS_PER_FEATURE = 64;
/** Larger blocks take longer to decompose than they are worth. */
const MOST_FEATURES = 512;
/** What is added to variances, as a share of their mean: features that never vary have none. */
const FLOOR = 1e-3;

/** Where the features of a block are: rows of a layer that makes them, or columns of one that reads them. */
interface End {
  readonly layer: string;
  readonly places: readonly number[];
}

/** A run of features with two ends: one layer makes and one reads them, or two are multiplied with each other, as queries and keys are. */
interface Block {
  readonly width: string;
  /** Its number among the width's blocks. */
  readonly index: number;
  readonly kind: 'read' | 'paired';
  readonly first: End;
  readonly second: End;
}

export interface PrincipalFeaturesOptions {
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model with other features that computes the same. */
export interface PrincipalFeatures {
  readonly model: Model;
  /** By width, the blocks of which the first features count most: those of queries and keys. */
  readonly ordered: ReadonlyMap<string, ReadonlySet<number>>;
}

/**
 * The same function with other features between such layers; the model itself where it has none.
 *
 * @param widths those that are going to become narrower
 * @param inputs on which the features' covariances are taken
 */
export async function principalFeatures(
  model: Model,
  widths: readonly Width[],
  inputs: CalibrationInputs,
  { seed = 0, signal }: PrincipalFeaturesOptions = {},
): Promise<PrincipalFeatures> {
  const features = requireFeatures(model);
  const blocks = widths.flatMap((width) => turnableBlocks(model.graph, width));
  if (blocks.length === 0) return { model, ordered: new Map() };
  const few = firstSamples(inputs, SAMPLES);
  const moments = await momentsOf(model, blocks, few, seed, signal);
  const turned = new Map<string, NarrowedWeights>();
  const weightsOf = ({ layer }: End): NarrowedWeights => {
    let own = turned.get(layer);
    if (own === undefined) {
      const { weights, bias } = features.weights(layer);
      own = { weights: { ...weights, data: weights.data.slice() }, bias: bias?.slice() ?? null };
      turned.set(layer, own);
    }
    return own;
  };
  const ordered = new Map<string, Set<number>>();
  for (const [i, { width, index, kind, first, second }] of blocks.entries()) {
    const [made, other] = [weightsOf(first), weightsOf(second)];
    if (kind === 'read') {
      const { forth, back } = turnForReader(moments[i]!, columnsAt(other, second.places));
      turnRows(made, first.places, forth);
      turnColumns(other, second.places, back);
    } else {
      const { forth, back } = turnForPair(moments[i]!);
      turnRows(made, first.places, forth);
      turnRows(other, second.places, back);
      ordered.set(width, (ordered.get(width) ?? new Set()).add(index));
    }
  }
  return { model: features.narrow(otherWeights(turned)), ordered };
}

/** The blocks of a width with nothing but linear operations between their ends. */
function turnableBlocks(graph: FeatureGraph, width: Width): Block[] {
  const { features, sets } = findWidths(graph);
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const endsOf = (names: readonly string[], labels: ReadonlyMap<string, Int32Array>) =>
    names.map((layer) => {
      const places = new Map<number, number[]>();
      for (const [place, label] of labels.get(layer)!.entries()) {
        const feature = sets.find(label);
        const own = places.get(feature);
        if (own === undefined) places.set(feature, [place]);
        else own.push(place);
      }
      return { layer, places };
    });
  const makers = endsOf(width.producers, features.rows);
  const readers = endsOf(width.consumers, features.columns);
  const plain = ({ layer }: End): boolean => {
    const { groups, span, shared } = layers.get(layer)!;
    return groups === 1 && span === 1 && !shared;
  };
  /** The ends of a block, each with one place for every feature; undefined where features are at different ones. */
  const ends = (block: Int32Array, found: typeof makers): End[] | undefined => {
    const result: End[] = [];
    for (const { layer, places } of found) {
      const all = [...block].map((feature) => places.get(feature) ?? []);
      const count = all[0]!.length;
      if (all.some(({ length }) => length !== count)) return undefined;
      for (let nth = 0; nth < count; nth++) result.push({ layer, places: all.map((own) => own[nth]!) });
    }
    return result.every(plain) ? result : undefined;
  };
  return [...width.blocks.entries()].flatMap(([index, block]): Block[] => {
    if (block.length < 2 || block.length > MOST_FEATURES) return [];
    const [made, read] = [ends(block, makers), ends(block, readers)];
    const own = { width: width.name, index };
    if (made?.length === 1 && read?.length === 1) {
      const [first, second] = [made[0]!, read[0]!];
      const { tensor } = layerRead(graph, layers.get(second.layer)!);
      const linear = first.layer !== second.layer && linearlyFrom(graph, tensor, first.layer);
      return linear ? [{ ...own, kind: 'read', first, second }] : [];
    }
    if (made?.length === 2 && read?.length === 0) {
      const [first, second] = operandsOf(graph, [made[0]!, made[1]!]) ?? [];
      return first === undefined || second === undefined ? [] : [{ ...own, kind: 'paired', first, second }];
    }
    return [];
  });
}

/** Two ends in the order in which one product multiplies them; undefined where none does, or not only linear operations are before it. */
function operandsOf(graph: FeatureGraph, [a, b]: readonly [End, End]): readonly [End, End] | undefined {
  const orders = graph.operations.flatMap(({ flow, inputs }) => {
    const [left, right] = inputs;
    if (flow.type !== 'contraction' || left === undefined || right === undefined) return [];
    return [[a, b] as const, [b, a] as const].filter(
      ([first, second]) => linearlyFrom(graph, left, first.layer) && linearlyFrom(graph, right, second.layer),
    );
  });
  // One layer that makes both is met in both orders.
  return orders.length === 1 || (orders.length === 2 && a.layer === b.layer) ? orders[0] : undefined;
}

/** Whether a tensor is what a layer gives, after operations that move features and mix positions, and nothing that is not linear in it. */
function linearlyFrom(graph: FeatureGraph, tensor: string, producer: string): boolean {
  const makers = makersOf(graph);
  const from = (name: string): boolean => {
    const maker = makers.get(name);
    if (maker === undefined) return false;
    const { flow, inputs, effect } = maker;
    switch (flow.type) {
      case 'layer':
        return flow.layer === producer;
      case 'transpose':
      case 'reshape':
      case 'slice':
      case 'pick':
        return from(inputs[0]!);
      case 'contraction':
        // What weighs the positions is no part of it.
        return inputs.filter(from).length === 1;
      case 'elementwise':
        return inputs.length === 1 && effect?.type === 'linear' && from(inputs[0]!);
      default:
        return false;
    }
  };
  return from(tensor);
}

const known = new WeakMap<FeatureGraph, ReadonlyMap<string, FlowOperation>>();

function makersOf(graph: FeatureGraph): ReadonlyMap<string, FlowOperation> {
  let makers = known.get(graph);
  if (makers === undefined) {
    makers = new Map(
      graph.operations.flatMap((operation) =>
        operation.outputs.map((output) => [output, operation] as const),
      ),
    );
    known.set(graph, makers);
  }
  return makers;
}

/** Second moments of a block's features, of one end or of both, shape `[d, d]` each. */
type Moments = readonly Matrix[];

async function momentsOf(
  model: Model,
  blocks: readonly Block[],
  inputs: CalibrationInputs,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<Moments[]> {
  const { graph } = model;
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const sums = blocks.map(({ kind, first, second }) => {
    // What a layer reads is what was made of the rows, mixed over positions.
    if (kind === 'read') {
      const { tensor, axis } = layerRead(graph, layers.get(second.layer)!);
      return [new MomentSums(tensor, axis, second.places, true)];
    }
    // The same is added to all products of a query by the mean of the keys: softmax takes no notice.
    return [first, second].map(({ layer, places }, i) => {
      const { outputs, flow } = makerOf(graph, layer);
      return new MomentSums(outputs[0]!, flow.makes, places, i === 1);
    });
  });
  const all = sums.flat();
  const tensors = new Set(all.map(({ tensor }) => tensor));
  let batch = 0;
  for await (const { feeds, found } of observedBatches(
    model,
    model.features!,
    [...tensors],
    inputs,
    signal,
  )) {
    const share = samplesOf(feeds) / Math.max(1, inputs.samples);
    for (const tensor of tensors) {
      const own = all.filter((sum) => sum.tensor === tensor);
      const wanted = ROWS_PER_FEATURE * Math.max(...own.map(({ places }) => places.length));
      const reading = { axis: own[0]!.axis };
      const { rows } = sampleRows(found[tensor]!, reading, Math.ceil(wanted * share), batch, seed);
      for (const sum of own) sum.add(rows);
    }
    batch++;
  }
  return sums.map((own) => own.map((sum) => sum.moments()));
}

function makerOf(graph: FeatureGraph, layer: string) {
  for (const { flow, outputs } of graph.operations)
    if (flow.type === 'layer' && flow.layer === layer) return { flow, outputs };
  throw new RangeError(`no operation is layer ${layer}`);
}

/** Streaming sums over the rows of a tensor, at some of its features. */
class MomentSums {
  readonly tensor: string;
  readonly axis: number;
  readonly places: readonly number[];
  readonly #centred: boolean;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  #count = 0;

  constructor(tensor: string, axis: number, places: readonly number[], centred: boolean) {
    this.tensor = tensor;
    this.axis = axis;
    this.places = places;
    this.#centred = centred;
    this.#first = new Float64Array(places.length);
    this.#second = new Float64Array(places.length ** 2);
  }

  add({ data, cols }: DenseMatrix): void {
    const size = this.places.length;
    const row = new Float64Array(size);
    for (let from = 0; from < data.length; from += cols) {
      for (let i = 0; i < size; i++) row[i] = data[from + this.places[i]!]!;
      for (let i = 0; i < size; i++) {
        this.#first[i]! += row[i]!;
        for (let j = 0; j < size; j++) this.#second[i * size + j]! += row[i]! * row[j]!;
      }
      this.#count++;
    }
  }

  /** Of means of 0 where they are centred, and with a little more on the diagonal: what never varies has an inverse too. */
  moments(): Matrix {
    const size = this.places.length;
    const moments = new Matrix(size, size);
    const count = Math.max(1, this.#count);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        const mean = this.#centred ? (this.#first[i]! / count) * (this.#first[j]! / count) : 0;
        moments.set(i, j, this.#second[i * size + j]! / count - mean);
      }
    const floor = FLOOR * (moments.trace() / size) || 1;
    for (let i = 0; i < size; i++) moments.set(i, i, moments.get(i, i) + floor);
    return moments;
  }
}

/** What the rows at one end are multiplied by, and the columns or the rows at the other. */
interface Turn {
  readonly forth: Matrix;
  readonly back: Matrix;
}

/** `T` and `T⁻¹`, so that features are uncorrelated and the outputs that they give orthogonal, the largest first. */
function turnForReader([covariance]: Moments, read: Matrix): Turn {
  const lower = lowerOf(covariance!);
  const outputs = read.mmul(lower);
  const { eigenvectorMatrix } = new EigenvalueDecomposition(outputs.transpose().mmul(outputs), {
    assumeSymmetric: true,
  });
  const size = lower.rows;
  const basis = new Matrix(size, size);
  // Eigenvalues grow.
  for (let i = 0; i < size; i++) basis.setColumn(i, eigenvectorMatrix.getColumn(size - 1 - i));
  return { forth: solveUpper(lower, basis).transpose(), back: lower.mmul(basis) };
}

/** `T` and `T⁻ᵀ`: with `q = A·u`, `k = B·v` of uncorrelated u and v, `qᵀ·k = uᵀ·(Aᵀ·B)·v`, of which the singular vectors are the features. */
function turnForPair([queries, keys]: Moments): Turn {
  const [a, b] = [lowerOf(queries!), lowerOf(keys!)];
  const { leftSingularVectors, diagonal } = new SingularValueDecomposition(a.transpose().mmul(b));
  // Both sides of a product get as much of it.
  const roots = diagonal.map((value) => Math.sqrt(Math.max(value, diagonal[0]! * FLOOR ** 2)));
  return {
    forth: solveUpper(a, leftSingularVectors).transpose().mulColumnVector(roots),
    back: a.mmul(leftSingularVectors).transpose().divColumnVector(roots),
  };
}

function lowerOf(moments: Matrix): Matrix {
  return new CholeskyDecomposition(moments).lowerTriangularMatrix;
}

/** `L⁻ᵀ·B`. */
function solveUpper(lower: Matrix, right: Matrix): Matrix {
  const size = lower.rows;
  const result = right.clone();
  for (let c = 0; c < size; c++) {
    for (let i = size - 1; i >= 0; i--) {
      let sum = result.get(i, c);
      for (let k = i + 1; k < size; k++) sum -= lower.get(k, i) * result.get(k, c);
      result.set(i, c, sum / lower.get(i, i));
    }
  }
  return result;
}

function columnsAt({ weights: { rows, cols, data } }: NarrowedWeights, places: readonly number[]): Matrix {
  const result = new Matrix(rows, places.length);
  for (let i = 0; i < rows; i++)
    for (const [j, place] of places.entries()) result.set(i, j, data[i * cols + place]!);
  return result;
}

/** Rows, and their biases, become `T` times themselves. */
function turnRows(
  { weights: { cols, data }, bias }: NarrowedWeights,
  places: readonly number[],
  turn: Matrix,
): void {
  const size = places.length;
  const rows = new Matrix(size, cols + 1);
  for (const [i, place] of places.entries()) {
    for (let c = 0; c < cols; c++) rows.set(i, c, data[place * cols + c]!);
    rows.set(i, cols, bias?.[place] ?? 0);
  }
  const turned = turn.mmul(rows);
  for (const [i, place] of places.entries()) {
    for (let c = 0; c < cols; c++) data[place * cols + c] = turned.get(i, c);
    if (bias !== null) bias[place] = turned.get(i, cols);
  }
}

/** Columns become themselves times `T⁻¹`. */
function turnColumns(reader: NarrowedWeights, places: readonly number[], back: Matrix): void {
  const { rows, cols, data } = reader.weights;
  const turned = columnsAt(reader, places).mmul(back);
  for (let i = 0; i < rows; i++)
    for (const [j, place] of places.entries()) data[i * cols + place] = turned.get(i, j);
}
