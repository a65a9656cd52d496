/** With inputs: features leave by the error that their loss makes, and the layers that read them are refitted to what the original gives. */
import { type CalibrationInputs, samplesOf } from '../calibration/calibration-inputs.js';
import { sampleRows } from '../calibration/layer-rows.js';
import { MOST_COLUMNS } from '../calibration/moments.js';
import type { Clusterer } from '../clustering/clusterer.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { widthBlock } from '../reconstruction/width-block.js';
import type { Width } from '../widths/find-widths.js';
import { type Choice, chooseByError } from './choose-by-error.js';
import { chooseByScore } from './choose-features.js';
import { chooseByContributions } from './contributions.js';
import { featureLikeness } from './feature-likeness.js';
import type { FeatureSweep } from './feature-sweep.js';
import { columnsOfGroup } from './layer-groups.js';
import type { LayerRead } from './layer-reads.js';
import { LayerSystem } from './layer-system.js';
import { NarrowedNetwork } from './narrowed-network.js';
import { keepPairs, weightsThatMake } from './paired-features.js';
import type { PrincipalFeatures } from './principal-features.js';
import type { ReadingLayer } from './reading-layer.js';
import { reconstructWidth } from './reconstruct-width.js';
import { type RefitStep, readingLayers, refitSteps, type WidthStep } from './refit-steps.js';
import { ResumedNetwork } from './resumed-network.js';
import { TargetRows } from './target-rows.js';
import { WideLayer } from './wide-layer.js';
import { blocksByReading, featuresOf, leavingFeatures } from './width-places.js';

/** The most bytes that recorded tensors take, and targets. */
const RECORDED = 2 ** 28;
/**
 * Ridge of the choice, as a multiple of the mean variance. What inputs that are made up say of how features go together is half believed: the
 * rest is what the weights that make them say.
 */
const GIVEN = 0.003;
const MADE_UP = 0.3;

/** An error that is rounding. */
const TINY = 1e-12;
/** Shares of what can leave at which curves are measured on rows that were held back. */
const HELD_BACK_AT: readonly number[] = [0.25, 0.5, 0.75, 0.9];

export interface RefitNetworkOptions {
  /** As of `reduceNeurons`. */
  readonly ordered?: PrincipalFeatures['ordered'] | undefined;
  readonly engine: MatrixEngine;
  readonly seed: number;
  /** Whether layers behind a width that do not read it are refitted as well. Default: no. */
  readonly settles?: boolean | undefined;
  /** Chooses by contributions where it says so. */
  readonly clusterer?: Clusterer | undefined;
  /** Bytes that the moments of a layer may take, and what is recorded. Default: no limit. */
  readonly memory?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a width can lose. */
export interface WidthCurve {
  /** By the features that have left. */
  readonly errors: Float64Array;
  /**
   * The model in which this width alone has lost features, and what reads it is refitted. Rows that were held back choose the first one's ridge alone.
   *
   * @param keep features that stay in each block
   */
  readonly narrowed: (keep: number) => Promise<Model>;
}

export class NetworkRefit {
  readonly steps: readonly RefitStep[];
  readonly #network: NarrowedNetwork;
  readonly #original: Model;
  readonly #inputs: CalibrationInputs;
  readonly #options: RefitNetworkOptions;
  readonly #reads: ReadonlyMap<string, LayerRead>;
  readonly #targets: TargetRows;
  readonly #resumed: ResumedNetwork;
  /** The original, for what blocks are reconstructed to. */
  readonly #teacher: ResumedNetwork;
  /** By step, the first operation that it or one behind it may change. */
  readonly #starts: ReadonlyMap<RefitStep, number>;

  /**
   * @param widths those that are going to become narrower
   * @throws InputError `UNSUPPORTED` for a layer that reads one of them and whose moments take more than `memory`
   */
  constructor(
    original: Model,
    network: NarrowedNetwork,
    widths: readonly Width[],
    inputs: CalibrationInputs,
    options: RefitNetworkOptions,
  ) {
    const { graph } = original;
    this.#original = original;
    this.#network = network;
    this.#inputs = inputs;
    this.#options = options;
    const reads = readingLayers(network, graph);
    this.#reads = reads;
    const memory = options.memory ?? Number.POSITIVE_INFINITY;
    for (const name of new Set(widths.flatMap(({ consumers }) => consumers)))
      requireMoments(reads.get(name)!, memory);
    const settles = (read: LayerRead): boolean =>
      options.settles === true && takesMoments(read) && bytesOfMoments(read) <= memory;
    const others = [...reads.values()].filter(settles);
    this.#starts = refitSteps(network, graph, widths, reads, others);
    this.steps = [...this.#starts.keys()];
    const limits = { ...options, memory: Math.min(RECORDED, memory) };
    const asked = this.steps.flatMap((step) => this.#readsOf(step)).filter(({ whole }) => whole);
    this.#targets = new TargetRows(original, inputs, asked, limits);
    this.#resumed = new ResumedNetwork(network, graph, inputs, limits);
    this.#teacher = new ResumedNetwork(new NarrowedNetwork(original.features!, graph), graph, inputs, limits);
  }

  /** @param keep features that stay in each block of a width */
  async take(step: RefitStep, keep: (width: Width) => number): Promise<void> {
    const layers = await this.#read(step);
    const { width } = step;
    if (width === undefined) for (const layer of layers) await layer.refit(new Set());
    else {
      const { read } = blocksByReading(this.#network, width);
      const kept = await this.#choose(width, layers, read, keep(width));
      await this.#remove(width, layers, kept, keep(width));
      if (this.#options.settles && this.#original.features!.resumes) await this.#reconstruct(step);
    }
  }

  /** Fits the layers that make a width and those that read it together, where nothing but values of the width lie between. */
  async #reconstruct(step: WidthStep): Promise<void> {
    const { graph, features } = this.#original;
    const block = widthBlock(graph, step.width, features!.resumesWithin);
    if (block === undefined) return;
    const from = this.#starts.get(step)!;
    const { engine, signal } = this.#options;
    const networks = {
      engine,
      original: (tensors: readonly string[]) => this.#teacher.run(tensors, from),
      present: (tensors: readonly string[]) => this.#resumed.run(tensors, from),
      samples: this.#inputs.samples,
    };
    await reconstructWidth(this.#network, block, networks, signal);
  }

  /**
   * What the loss of features adds to the error of the layers that read them, all that are left refitted, as a share of the outputs' variance: by
   * the features that have left the width, up to all but one of each block. Elimination tells the shape; where rows were held back, the curve goes
   * through what some of its points cost on them. Empty where it cannot be told. The network stays as it is.
   */
  async curve(step: WidthStep): Promise<WidthCurve> {
    const { width } = step;
    const layers = await this.#read(step);
    const { read } = blocksByReading(this.#network, width);
    const sweeps = await this.#sweeps(width, layers, true);
    const choice = sweeps && (await chooseByError(sweeps, read, 1, { ...this.#options, exchanges: false }));
    const narrowed = async (keep: number): Promise<Model> => {
      const kept = choice ? lastToLeave(choice, read, keep) : await this.#choose(width, layers, read, keep);
      await this.#remove(width, layers, kept, keep);
      const model = this.#network.model();
      this.#network.restore();
      return model;
    };
    if (choice === undefined || layers.length === 0) return { errors: new Float64Array(0), narrowed };
    const { errors, left } = choice;
    const features = featuresOf(width);
    const known = new Map<number, number>();
    for (const share of HELD_BACK_AT) {
      const gone = Math.round(share * left.length);
      const leaving = new Set(left.slice(0, gone).map((place) => features[place]!));
      let held = 0;
      for (const layer of layers) held += (await layer.errorWithout(leaving)) ?? Number.NaN;
      if (held >= 0 && errors[gone]! > 0) known.set(gone, held);
    }
    return { errors: throughPoints(errors, known), narrowed };
  }

  /** Takes the features out of the network that do not stay. @param kept places in blocks that layers read */
  async #remove(
    width: Width,
    layers: readonly ReadingLayer[],
    kept: Iterable<number>,
    keep: number,
  ): Promise<void> {
    const { unread } = blocksByReading(this.#network, width);
    const ordered = this.#options.ordered?.get(width.name);
    const pairs = keepPairs(this.#network, width, unread, keep, ordered);
    const leaving = new Set(leavingFeatures(width, [...kept, ...pairs]));
    for (const layer of layers) await layer.refit(leaving);
    this.#network.remove(leaving);
  }

  #readsOf(step: RefitStep): LayerRead[] {
    return step.width === undefined
      ? [step.read]
      : step.width.consumers.map((name) => this.#reads.get(name)!);
  }

  /** The layers of a step, with their rows. */
  async #read(step: RefitStep): Promise<ReadingLayer[]> {
    const { engine, seed } = this.#options;
    const reads = this.#readsOf(step);
    if (reads.length === 0) return [];
    const targets = await this.#targets.take(
      reads.filter(({ whole }) => whole).map(({ layer }) => layer.name),
    );
    const layers = reads.map(({ layer, whole, columns }) =>
      Array.from({ length: layer.groups }, (_, group) => {
        const Kind = takesMoments({ whole, columns }) ? LayerSystem : WideLayer;
        return new Kind(this.#network, layer, group, engine);
      }),
    );
    let batch = 0;
    let seen = 0;
    const tensors = reads.map(({ tensor }) => tensor);
    for await (const feeds of this.#resumed.run(tensors, this.#starts.get(step)!)) {
      const count = samplesOf(feeds);
      const share = count / Math.max(1, this.#inputs.samples);
      for (const [r, read] of reads.entries()) {
        const wanted = Math.ceil(read.wanted * share);
        const { rows, samples } = sampleRows(feeds[read.tensor]!, read, wanted, batch, seed);
        const counted = samples.map((sample) => sample + seen);
        const own = targets.get(read.layer.name)?.[batch];
        for (const [group, layer] of layers[r]!.entries()) {
          const z = columnsOfGroup(rows, read.layer, group, read.whole ? read.layer.span : 1);
          await layer.add(z, own?.[group], counted, share);
        }
      }
      seen += count;
      batch++;
    }
    return layers.flat();
  }

  /** Places of the features that stay in blocks that layers read. */
  async #choose(
    width: Width,
    layers: readonly ReadingLayer[],
    blocks: readonly Int32Array[],
    keep: number,
  ): Promise<Int32Array> {
    const { clusterer } = this.#options;
    const gram = clusterer?.contributions ? await contributionsOf(width, layers) : undefined;
    if (clusterer && gram) return chooseByContributions(gram, blocks, keep, clusterer, this.#options);
    const sweeps = await this.#sweeps(width, layers, false);
    if (sweeps !== undefined) return (await chooseByError(sweeps, blocks, keep, this.#options)).kept;
    const features = featuresOf(width);
    const scores = new Float64Array(features.length);
    for (const layer of layers)
      for (const [j, score] of (await layer.scores(features)).entries()) scores[j] = scores[j]! + score;
    return chooseByScore(scores, blocks, keep);
  }

  /** One of each layer; undefined where some layer has none. @param forGood whether features never return */
  async #sweeps(
    width: Width,
    layers: readonly ReadingLayer[],
    forGood: boolean,
  ): Promise<FeatureSweep[] | undefined> {
    const features = featuresOf(width);
    const belief =
      this.#inputs.name === 'generated'
        ? {
            strength: MADE_UP,
            likeness: await featureLikeness(weightsThatMake(this.#network, width), this.#options.engine),
          }
        : { strength: GIVEN };
    const sweeps: FeatureSweep[] = [];
    for (const layer of layers) {
      const sweep = await layer.sweep(features, belief, forGood);
      if (sweep === undefined) return undefined;
      sweeps.push(sweep);
    }
    return sweeps;
  }
}

/** Places that elimination takes last, as many of each block. */
function lastToLeave({ left }: Choice, blocks: readonly Int32Array[], keep: number): number[] {
  const order = new Map(left.map((place, at) => [place, at]));
  const at = (place: number): number => order.get(place) ?? left.length;
  return blocks.flatMap((block) => [...block].sort((a, b) => at(b) - at(a)).slice(0, keep));
}

/** Covariances of contributions to all layers that read the width; undefined where some layer cannot tell, or nothing is contributed. */
async function contributionsOf(
  width: Width,
  layers: readonly ReadingLayer[],
): Promise<Float64Array | undefined> {
  const features = featuresOf(width);
  const sum = new Float64Array(features.length ** 2);
  for (const layer of layers) {
    const own = await layer.contributions(features);
    if (own === undefined) return undefined;
    for (const [at, value] of own.entries()) sum[at] = sum[at]! + value;
  }
  return sum.some((value) => value > 0) ? sum : undefined;
}

/** Whether moments are taken column by column. */
function takesMoments({ whole, columns }: Pick<LayerRead, 'whole' | 'columns'>): boolean {
  return whole && columns <= MOST_COLUMNS;
}

/** Of moments, those about the means, the inverse, the products of weights and their sums; or of the rows that are kept instead. */
function bytesOfMoments(read: LayerRead): number {
  const { columns, wanted, layer } = read;
  const outputs = layer.outputs / layer.groups;
  const bytes = takesMoments(read)
    ? (5 * columns + 2 * outputs) * columns * Float64Array.BYTES_PER_ELEMENT
    : wanted * (columns + outputs) * Float32Array.BYTES_PER_ELEMENT;
  return bytes * layer.groups;
}

function requireMoments(read: LayerRead, memory: number): void {
  const bytes = bytesOfMoments(read);
  if (bytes <= memory) return;
  const megabytes = (size: number): string => `${(size / 1e6).toFixed(1)} MB`;
  throw new InputError(
    'UNSUPPORTED',
    `refitting layer '${read.layer.name}' takes ${megabytes(bytes)} for what its ${read.columns} columns have in common, ` +
      `more than ${megabytes(memory)}: allow more, or reduce other widths`,
    { option: 'memory' },
  );
}

/** A curve through some points, in between by factors that go from one to the next; it never falls. */
function throughPoints(curve: Float64Array, points: ReadonlyMap<number, number>): Float64Array {
  const known = [...points].map(([at, value]) => ({ at, factor: Math.max(value, TINY) / curve[at]! }));
  if (known.length === 0) return curve;
  let most = 0;
  return curve.map((value, at) => {
    const next = known.find((point) => point.at >= at) ?? known.at(-1)!;
    const before = known.findLast((point) => point.at <= at) ?? next;
    const way = next.at === before.at ? 0 : (at - before.at) / (next.at - before.at);
    most = Math.max(most, value * before.factor ** (1 - way) * next.factor ** way);
    return most;
  });
}
