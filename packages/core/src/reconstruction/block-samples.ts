/** What block reconstruction works on: whole samples, spread over all inputs, with what the block reads and what the original gives for it. */
import { samplesOf } from '../calibration/calibration-inputs.js';
import { fixedBatch } from '../calibration/input-shapes.js';
import type { Model, Tensor } from '../format/model-format.js';
import { type DenseMatrix, transpose } from '../matrix/dense-matrix.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { evenlySpread } from '../random.js';
import type { BetweenPlaces, DepthwiseFilters } from './between.js';
import { positionsOf, type ReadPlaces, readPlaces, readRows, rowsOfSamples } from './tensor-rows.js';
import type { BlockLayer, WidthBlock } from './width-block.js';

type Feeds = Readonly<Record<string, Tensor>>;

/** The most positions of the width that are looked at, and products of one with a weight, and the fewest samples that they come of. */
const POSITIONS = 32_768;
const PRODUCTS = 2 ** 30;
const FEWEST_SAMPLES = 16;
/** Values that the original gives, for each weight that is fitted: of fewer, too little can be learnt that holds for others. */
const VALUES_PER_WEIGHT = 8;
/** The most numbers in what a layer reads of all samples, and in all that is kept of them: 128 MB. */
const MOST_VALUES = 2 ** 25;
/** Share of the chosen samples that is held back. */
const HOLD_BACK = 1 / 8;

/** The original and what has become of it. */
export interface BlockNetworks {
  readonly engine: MatrixEngine;
  /** The network as it is by now, whose operations lie between the layers of the block. */
  readonly model: Model;
  /** What the original's readers compute with, each with its bias in the last column. */
  readonly teachers: readonly DenseMatrix[];
  /** Those of the network's depthwise convolutions between the layers. */
  readonly filters: readonly DepthwiseFilters[];
  /** Runs the original: its tensors, batch by batch. */
  readonly original: (tensors: readonly string[]) => AsyncIterable<Feeds>;
  /** Runs the network as it is by now. */
  readonly present: (tensors: readonly string[]) => AsyncIterable<Feeds>;
  /** Samples of all batches. */
  readonly samples: number;
}

/** Some samples of one batch. */
export interface Chunk {
  /** What each maker reads, shape `[places, span·inputs + 1]`: 1 in the last column. */
  readonly read: readonly DenseMatrix[];
  /** What each reader should give, shape `[places, outputs]`. */
  readonly targets: readonly DenseMatrix[];
  /** What each reader reads in the network as it is, shape `[positions, features]`. */
  readonly hidden: readonly DenseMatrix[];
  /** Entries of the tensors' first axis. */
  readonly entries: number;
}

export interface BlockSamples {
  readonly train: readonly Chunk[];
  readonly held: readonly Chunk[];
  /** By maker and by reader, where it reads, and where what lies between does. */
  readonly places: BetweenPlaces & {
    readonly makers: readonly ReadPlaces[];
    readonly readers: readonly ReadPlaces[];
  };
}

/**
 * @param weights how many are fitted
 * @returns undefined where samples lie in its tensors in no way that is known, or there are too few of them or too much
 */
export async function gatherSamples(
  block: WidthBlock,
  weights: number,
  networks: BlockNetworks,
): Promise<BlockSamples | undefined> {
  const { makers, readers } = block;
  const wanted = Math.min(POSITIONS, PRODUCTS / weights);
  const outputs = readers.reduce((sum, { layer }) => sum + layer.outputs, 0);
  if (wanted * outputs < VALUES_PER_WEIGHT * weights) return undefined;
  const targets = await gatherTargets(readers, wanted, networks);
  if (targets === undefined) return undefined;
  const result = { train: [] as Chunk[], held: [] as Chunk[] };
  let places: BlockSamples['places'] | undefined;
  let values = 0;
  let batch = 0;
  const tensors = [...makers, ...block.depthwise, ...readers].map(({ input }) => input);
  for await (const feeds of networks.present(tensors)) {
    const { chosen, of } = targets[batch++]!;
    places ??= placesOf(block, feeds);
    if (places === undefined) return undefined;
    for (const [p, part] of [chosen.train, chosen.held].entries()) {
      if (part.length === 0) continue;
      const rowsOf = (name: string, axis: number): DenseMatrix | undefined => {
        const entries = entriesOf(feeds[name]!, part, samplesOf(feeds));
        return entries && rowsOfSamples(feeds[name]!, axis, entries);
      };
      const given = makers.map(({ input, reading }) => rowsOf(input, reading.axis));
      const hidden = readers.map(({ input, reading }) => rowsOf(input, reading.axis));
      if (!given.every((rows) => rows !== undefined) || !hidden.every((rows) => rows !== undefined))
        return undefined;
      const { makers: own } = places;
      const read = given.map((rows, k) => readRows(rows, own[k]!));
      for (const { data } of [...read, ...hidden, ...of[p]!]) values += data.length;
      if (values > MOST_VALUES) return undefined;
      const entries = entriesOf(feeds[readers[0]!.input]!, part, samplesOf(feeds))!.length;
      result[p === 0 ? 'train' : 'held'].push({ read, hidden, targets: of[p]!, entries });
    }
  }
  const targeted = result.train.reduce(
    (sum, { targets: own }) => own.reduce((all, { data }) => all + data.length, sum),
    0,
  );
  const enough = targeted >= VALUES_PER_WEIGHT * weights && result.held.length > 0;
  return places && enough ? { ...result, places } : undefined;
}

/** What the original's readers give for the samples that are chosen of each batch: those to fit to, and those that are held back. */
async function gatherTargets(
  readers: WidthBlock['readers'],
  wanted: number,
  { original, model, teachers, engine, samples: all }: BlockNetworks,
): Promise<{ chosen: ChosenSamples; of: DenseMatrix[][] }[] | undefined> {
  const whole = fixedBatch(model.inputs) !== undefined;
  const turned = teachers.map(transpose);
  const columns = Math.max(...turned.map(({ rows }) => rows));
  const targets: { chosen: ChosenSamples; of: DenseMatrix[][] }[] = [];
  let choose: ((feeds: Feeds) => ChosenSamples) | undefined;
  let places: readonly ReadPlaces[] = [];
  for await (const feeds of original(readers.map(({ input }) => input))) {
    if (choose === undefined) {
      const positions = Math.max(
        ...readers.map(({ input, reading }) => positionsOfSample(feeds, input, reading.axis)),
      );
      const samples = Math.min(all, Math.max(FEWEST_SAMPLES, wanted / positions));
      if (samples * positions * columns > MOST_VALUES) return undefined;
      choose = sampleChooser(samples / all, whole);
      places = readers.map((reader) => placesRead(reader, feeds));
    }
    const chosen = choose(feeds);
    const of: DenseMatrix[][] = [];
    for (const part of [chosen.train, chosen.held]) {
      const own: DenseMatrix[] = [];
      for (const [r, { input, reading }] of readers.entries()) {
        const tensor = feeds[input]!;
        const entries = entriesOf(tensor, part, samplesOf(feeds));
        if (entries === undefined) return undefined;
        const rows = readRows(rowsOfSamples(tensor, reading.axis, entries), places[r]!);
        own.push(await engine.multiply(rows, turned[r]!));
      }
      of.push(own);
    }
    targets.push({ chosen, of });
  }
  return targets;
}

/** Samples of one batch, by their place in it. */
interface ChosenSamples {
  readonly train: readonly number[];
  readonly held: readonly number[];
}

/**
 * Chooses samples of batch after batch.
 *
 * @param whole whether batches are taken whole or not at all, since the model runs on no other number of samples
 */
function sampleChooser(share: number, whole: boolean): (feeds: Feeds) => ChosenSamples {
  let seen = 0;
  return (feeds) => {
    const chosen: { train: number[]; held: number[] } = { train: [], held: [] };
    for (let sample = 0; sample < samplesOf(feeds); sample++) {
      if (!whole || sample === 0) seen++;
      const place = evenlySpread(seen);
      if (place < share) chosen[place < share * HOLD_BACK ? 'held' : 'train'].push(sample);
    }
    return chosen;
  };
}

/** Positions of a tensor that each sample has. */
function positionsOfSample(feeds: Feeds, tensor: string, axis: number): number {
  const { shape } = feeds[tensor]!;
  return (positionsOf(shape, axis) * shape[0]!) / samplesOf(feeds);
}

/** Entries of the first axis that belong to some samples; undefined where it does not count them. */
function entriesOf({ shape }: Tensor, samples: readonly number[], count: number): number[] | undefined {
  const each = shape[0]! / count;
  if (!Number.isInteger(each)) return undefined;
  return samples.flatMap((sample) => Array.from({ length: each }, (_, i) => sample * each + i));
}

function placesRead({ input, reading }: BlockLayer, feeds: Feeds): ReadPlaces {
  return readPlaces(feeds[input]!.shape, reading.axis, reading.window);
}

/** @returns undefined where a tensor has another number of positions than its layer makes */
function placesOf(
  { makers, readers, depthwise }: WidthBlock,
  feeds: Feeds,
): BlockSamples['places'] | undefined {
  const places = {
    makers: makers.map((maker) => placesRead(maker, feeds)),
    readers: readers.map((reader) => placesRead(reader, feeds)),
    depthwise: depthwise.map(({ input, axis, layer }) => readPlaces(feeds[input]!.shape, axis, layer.window)),
    shapes: [...depthwise, readers[0]!].map(({ input }) => feeds[input]!.shape),
  };
  const makes = ({ positions, span }: ReadPlaces, axis: number, stage: number): boolean =>
    positions.length / span === positionsOf(places.shapes[stage]!, axis);
  const fits =
    makers.every((maker, k) => makes(places.makers[k]!, maker.makes, 0)) &&
    depthwise.every(({ axis }, d) => makes(places.depthwise[d]!, axis, d + 1));
  return fits ? places : undefined;
}
