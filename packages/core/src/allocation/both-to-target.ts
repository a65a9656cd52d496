/** Widths and columns to one target: what each gets of the error is what the other would save less with. */
import { partOf } from '../cancellation.js';
import { rankOne } from '../clustering/rank-one.js';
import { InputError } from '../errors.js';
import { spanOf } from '../format/filter-window.js';
import type { Model } from '../format/model-format.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { clusteredAfter, compressBoth, namedInBoth } from '../pipeline/compress-both.js';
import type { CompressedModel, ResolvedOptions } from '../pipeline/compressed-model.js';
import { defaultCalibration } from '../pipeline/default-calibration.js';
import { openEngine } from '../pipeline/open-engine.js';
import { Trials } from '../trials/trials.js';
import { type Both, nameInBoth, ratiosApart, selectBoth } from '../widths/select-both.js';
import { lossOf } from './allocate-ratios.js';
import type { WidthPath } from './allocate-widths.js';
import { type BothChoice, choicesOfBoth, smallestOf } from './both-path.js';
import { type ColumnPath, pathOfColumns } from './column-path.js';
import { columnsToError } from './columns-to-error.js';
import type { Target } from './compress-to-target.js';
import { mildestWhere } from './furthest-within.js';
import { measureBoth } from './measure-both.js';
import { type NarrowedReport, type NarrowToTargetOptions, narrowToTarget } from './narrow-to-target.js';
import { narrowedShape } from './narrowed-shape.js';
import { LANES } from './narrowing-path.js';
import { pathOfBoth } from './path-of-both.js';

/** Where measuring ends, about, and the search for the widths; the search for the columns takes the rest. */
const [MEASURED, NARROWED] = [0.4, 0.6];
/** Refits of the widths: what they miss of their share of the error is left to the columns. */
const CANDIDATES = 3;
/** How closely a place on the path is found, models that are made on it where one keeps the size, and the share of it that is enough. */
const [STEPS, MOST_MADE, USED] = [12, 3, 0.97];

/** What both together reach: a size of the file, or an error of the outputs. */
export type BothTarget = Extract<Target, { readonly size: number }> | { readonly maxError: number };

/** How a target is searched for. */
export type BothToTargetOptions = Omit<NarrowToTargetOptions, 'reduce' | 'path' | 'data'>;

type Found = {
  readonly result: CompressedModel;
  readonly reached: Extract<NarrowedReport, { readonly size: number } | { readonly maxError: number }>;
};

/** What both searches start from. */
interface Search extends Both {
  readonly model: Model;
  readonly choices: readonly BothChoice[];
  /** Of the layers, in the whole model. */
  readonly trials: Trials;
  readonly openTrials: (of: Model, layers: readonly string[]) => Promise<Trials>;
  /** Ratios of layers, and of all widths, by the names that each kind of reduction knows. */
  readonly apart: (ratios: ReadonlyMap<string, number>) => ReturnType<typeof ratiosApart>;
  readonly options: Resolved;
}

type Resolved = Omit<BothToTargetOptions, 'layers' | 'widths' | 'calibration'> &
  Pick<ResolvedOptions, 'clusterer' | 'calibration'> & {
    readonly engine: MatrixEngine;
    readonly roundTo: number;
  };

/**
 * The least that is left of a model whose outputs are near enough, about, or those nearest of a file that is small enough: columns of the fully
 * connected layers of one product per sample, and features of the other widths, see `selectBoth`. Widths and layers are measured
 * alone, and share the error where the last bit of it saves as much in both (Lagrange); columns stay where leaving out the zeros of their layer takes
 * fewer bytes, see `choicesOfBoth`. The widths become narrower first. For an error, what they and
 * the columns together do to the outputs is what the search for the columns sees. The result is proved, as `compressModel` does.
 *
 * @throws InputError and ProofError as `selectBoth` and `compressModel` do; `BAD_ARGUMENT` when a size cannot be reached, with its name as `option`
 */
export async function bothToTarget(
  model: Model,
  target: BothTarget,
  { layers: names, widths: meant, inputs, latencyModel, engine: own, ...given }: BothToTargetOptions,
): Promise<Found> {
  const both = selectBoth(model, names, meant);
  const { signal, onProgress, seed = 0, clusterer = rankOne, roundTo, memory } = given;
  const made = given.calibration ?? (await defaultCalibration(model, seed));
  const calibration = made === 'none' ? undefined : made;
  const { engine, release } = await openEngine(model, own);
  try {
    const shared = { engine, seed, memory, calibration, signal };
    const openTrials: Search['openTrials'] = (of, layers) =>
      Trials.open(of, { ...shared, clusterer, roundTo, layers });
    const trials = await openTrials(
      model,
      both.layers.map(({ name }) => name),
    );
    const lanes = 'size' in target ? 1 : LANES;
    const options = { ...given, ...shared, clusterer, inputs, latencyModel, roundTo: roundTo ?? lanes };
    const measuring = { ...options, onProgress: partOf(onProgress, 0, MEASURED) };
    const measured = await measureBoth(trials, both.widths, target, measuring);
    const choices = choicesOfBoth(model, both.layers, measured, given.storage);
    const whole = both.widths.map(({ name }) => [nameInBoth(model, name), 0] as const);
    const apart: Search['apart'] = (ratios) => ratiosApart(model, both, new Map([...whole, ...ratios]));
    const search = { ...both, model, choices, trials, openTrials, apart, options };
    const found =
      'size' in target ? await searchSize(search, target) : await searchError(search, target.maxError);
    return { ...found, result: namedInBoth(model, found.result) };
  } finally {
    await release();
  }
}

/** The widths to their share of the error, then the columns to all of it. */
async function searchError(
  { model, widths, choices, trials, openTrials, apart, options }: Search,
  maxError: number,
): Promise<Found> {
  const { calibration, onProgress, storage, ...others } = options;
  const { measured, path, place } = smallestOf(choices, maxError);
  const ofWidths: WidthPath = (at) => {
    const { ratios } = path(at);
    return { ratios: apart(ratios).ofWidths, loss: lossOf(measured.widths, ratios) };
  };
  const clustered = measured.layers.map(({ layer }) => layer);
  const alone = clustered.length === 0;
  const narrowed = await narrowToTarget(
    model,
    { maxError: alone ? maxError : ofWidths(place).loss },
    {
      ...others,
      storage: alone ? storage : undefined,
      calibration: calibration ?? 'none',
      layers: widths.map(({ name }) => name),
      path: ofWidths,
      candidates: CANDIDATES,
      onProgress: partOf(onProgress, MEASURED, alone ? 1 : NARROWED),
    },
  );
  if (alone) return narrowed as Found;
  // What was prepared holds only where nothing left.
  const isNarrower = narrowed.result.reductions.some(({ from, to }) => to < from);
  const isSame = !isNarrower && clustered.length === trials.layers.length;
  const { result, reached } = await columnsToError(
    isSame ? trials : await openTrials(narrowed.result.model, clustered),
    maxError,
    {
      ...others,
      storage,
      path: pathOfColumns(measured.layers),
      original: model,
      onProgress: partOf(onProgress, NARROWED, 1),
    },
  );
  return { result: clusteredAfter(narrowed.result, result), reached };
}

/** The mildest place on the path of both whose file is small enough. */
async function searchSize(
  { model, layers, choices, trials, apart, options }: Search,
  { size, bytes, bytesOf }: Extract<BothTarget, { readonly size: number }>,
): Promise<Found> {
  const { inputs: _, latencyModel: __, storage: ___, ...compressing } = options;
  const { onProgress } = compressing;
  const limit = Math.floor(size * bytes);
  const estimate = async (path: ColumnPath, place: number): Promise<number> => {
    const { ofWidths, ofLayers } = apart(path(place).ratios);
    const shape = narrowedShape(model, ofWidths, options.roundTo, ofLayers.keys());
    // Columns save weights of the rows that are left.
    const rows = new Map(shape.layers.map((layer) => [layer.name, layer.outputs * spanOf(layer)]));
    const saved = layers.reduce((sum, layer) => {
      const left = trials.clusters(layer, ofLayers.get(layer.name) ?? 0);
      return sum + rows.get(layer.name)! * (layer.inputs - left);
    }, 0);
    return (await bytesOf(shape)) * (1 - saved / shape.parameters);
  };
  // What becomes of columns besides their weights is known once some were made: some need more, and others leave with what makes them.
  let scale = 1;
  const placeFor = (path: ColumnPath, first: number, end: number): Promise<number> =>
    mildestWhere(async (at) => scale * (await estimate(path, at)) <= limit, first, end, STEPS);
  // One after the other: each shape is as large as a model.
  const starts: { path: ColumnPath; place: number; loss: number }[] = [];
  for (const { measured } of choices) {
    const path = pathOfBoth(measured);
    const place = await placeFor(path, 0, 1);
    // Some cannot become so small.
    const fits = place < 1 || (await estimate(path, place)) <= limit;
    starts.push({ path, place, loss: fits ? path(place).loss : Number.POSITIVE_INFINITY });
  }
  const { path, place: first } = starts.reduce((best, one) => (one.loss < best.loss ? one : best));
  let tooLarge = 0;
  let best: { place: number; made: CompressedModel; amount: number } | undefined;
  for (let tried = 1; tried <= MOST_MADE || best === undefined; tried++) {
    const place = tried === 1 ? first : await placeFor(path, tooLarge, best?.place ?? 1);
    if (place === best?.place) break;
    const { ofWidths, ofLayers } = apart(path(place).ratios);
    const own = { ...compressing, onProgress: partOf(onProgress, MEASURED, 1) };
    const made = await compressBoth(model, ofWidths, ofLayers, own);
    const amount = await bytesOf(made.model);
    scale = amount / (await estimate(path, place));
    if (amount <= limit) best = { place, made, amount };
    else if (place < 1) tooLarge = place;
    else
      throw new InputError(
        'BAD_ARGUMENT',
        `widths and columns at their fewest leave ${(amount / bytes).toFixed(4)}: give at least that`,
        { option: 'size' },
      );
    if (amount <= limit && amount >= USED * limit) break;
  }
  return { result: best!.made, reached: { size, reached: best!.amount / bytes } };
}
