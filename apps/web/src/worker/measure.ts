/** The curve of output error over size, from which a place is chosen. */
import {
  type FcLayer,
  type LongRunOptions,
  type Model,
  partOf,
  ratiosApart,
  selectBoth,
  spanOf,
} from '@spherize/core';
import {
  type BothPathOptions,
  bothPath,
  type ColumnPath,
  columnPath,
  DEFAULT_MAX_ERROR,
  LANES,
  lightestStorage,
  narrowedShape,
  narrowingPath,
} from '@spherize/core/allocation';
import { recordOutputs, unseenInputs } from '@spherize/core/evaluation';
import { Trials } from '@spherize/core/trials';
import type { Curve, MeasureRequest, Place } from '../protocol.js';
import { between } from './between.js';
import type { OpenModel } from './open-model.js';
import { calibrationOf, MADE_UP, MEMORY, SEED } from './settings.js';
import { StoredSizes } from './stored-sizes.js';

/** Places on the curve besides the whole model. */
const PLACES = 40;
/** A place on the path of columns between half of them and the end. */
const MOST_BUT_LAST = 0.9;
/** Digits of a ratio: enough for whole features of every width that fits, and few enough to be read in a command line. */
const DIGITS = 4;

type Onward = NonNullable<LongRunOptions['onProgress']>;

export async function measure(
  opened: OpenModel,
  request: MeasureRequest,
  onProgress: Onward,
): Promise<Curve> {
  const { model } = opened;
  const { mean, std } = request;
  const macs = (await model.multiplyAccumulates?.()) ?? null;
  const inputs = await unseenInputs(model, macs, { seed: SEED + 1, mean, std });
  const calibration = await calibrationOf(model, request, onProgress);
  const engine = await opened.engine();
  const tools: Tools = {
    engine,
    seed: SEED,
    memory: MEMORY,
    calibration: calibration === 'none' ? undefined : calibration,
    inputs,
    onProgress: partOf(onProgress, MADE_UP, 1),
  };
  const places = await PLACES_OF[request.reduce](opened, tools).finally(() => engine.release?.());
  const within = places.findIndex(({ loss }) => loss <= DEFAULT_MAX_ERROR);
  // Where even the mildest loses more, that one: the last is the model as it is.
  const mildest = Math.max(0, places.length - 2);
  return {
    places,
    start: within < 0 ? mildest : Math.min(within, mildest),
    storage: await lightestStorage(model, await recordOutputs(model, inputs), DEFAULT_MAX_ERROR),
  };
}

/** What measuring takes besides the model. */
type Tools = Omit<BothPathOptions, 'signal'>;

const PLACES_OF = {
  auto: widthPlaces,
  neurons: widthPlaces,
  columns: columnPlaces,
  both: bothPlaces,
} as const satisfies Record<MeasureRequest['reduce'], unknown>;

/** Places on the path of the widths. */
async function widthPlaces(opened: OpenModel, tools: Tools): Promise<Place[]> {
  const { model } = opened;
  const path = await narrowingPath(model, { maxError: DEFAULT_MAX_ERROR }, { ...tools, roundTo: LANES });
  const sizes = new StoredSizes(opened);
  return placesFrom(sizes, (left) => {
    const { ratios, loss } = path(1 - left);
    const shown = shownRatios(ratios);
    const shape = narrowedShape(model, new Map(shown), LANES);
    sizes.measure(shape, left === 0);
    return { ratios: shown, loss, parameters: shape.parameters };
  });
}

/** Places on the path of the columns. */
async function columnPlaces(opened: OpenModel, tools: Tools): Promise<Place[]> {
  const trials = await Trials.open(opened.model, tools);
  const path = await columnPath(trials, tools);
  const sizes = new StoredSizes(opened);
  const parametersAt = await parametersOfColumns(trials, path, sizes);
  return placesFrom(sizes, (left) => {
    const { ratios, loss } = path(1 - left);
    const shown = shownRatios(ratios);
    return { ratios: shown, loss, parameters: parametersAt(new Map(shown)) };
  });
}

/** Places on the path of both. */
async function bothPlaces(opened: OpenModel, tools: Tools): Promise<Place[]> {
  const { model } = opened;
  const { layers, widths } = selectBoth(model);
  const names = layers.map(({ name }) => name);
  const trials = await Trials.open(model, { ...tools, layers: names, roundTo: LANES });
  const path = await bothPath(trials, widths, { maxError: DEFAULT_MAX_ERROR }, { ...tools, roundTo: LANES });
  const sizes = new StoredSizes(opened);
  const parametersAt = await parametersOfColumns(trials, path, sizes);
  return placesFrom(sizes, (left) => {
    const { ratios, loss } = path(1 - left);
    const shown = shownRatios(ratios);
    const { ofLayers, ofWidths } = ratiosApart(model, { layers, widths }, new Map(shown));
    const narrower = narrowedShape(model, ofWidths, LANES);
    sizes.measure(narrower);
    // Columns save as much less as their layers have lost of their rows.
    const rowsLeft = weightsOf(narrower, layers) / weightsOf(model, layers);
    const saved = rowsLeft * (model.parameters - parametersAt(ofLayers));
    return { ratios: shown, loss, parameters: Math.round(narrower.parameters - saved) };
  });
}

/** The weights of some layers, as they are in a model with fewer of their rows. */
function weightsOf({ layers }: Model, of: readonly FcLayer[]): number {
  const names = new Set(of.map(({ name }) => name));
  return layers
    .filter(({ name }) => names.has(name))
    .reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
}

/** How many parameters are left at ratios of the layers, by what is left at a few of them, which are also stored. */
async function parametersOfColumns(
  trials: Trials,
  path: ColumnPath,
  sizes: StoredSizes,
): Promise<(ratios: ReadonlyMap<string, number>) => number> {
  const { model, layers } = trials;
  const weightsAt = (ratios: ReadonlyMap<string, number>): number =>
    layers.reduce(
      (sum, layer) =>
        sum + layer.outputs * spanOf(layer) * trials.clusters(layer, ratios.get(layer.name) ?? 0),
      0,
    );
  // What some really take, with all that columns need besides their weights.
  const known = [{ weights: weightsAt(new Map()), parameters: model.parameters }];
  sizes.measure(model);
  for (const ratios of [halves(trials), path(MOST_BUT_LAST).ratios, path(1).ratios]) {
    const { model: made } = await trials.whole(await trials.cluster(ratios));
    sizes.measure(made, true);
    known.unshift({ weights: weightsAt(ratios), parameters: made.parameters });
  }
  known.sort((one, other) => one.weights - other.weights);
  return (ratios) => {
    const at = between(known, ({ weights }) => weights, weightsAt(ratios));
    return Math.round(at(({ parameters }) => parameters));
  };
}

function halves({ layers }: Trials): Map<string, number> {
  return new Map(layers.map(({ name }) => [name, 0.5]));
}

/** @param placeAt what is found where this share of what can leave is left: 1 for the whole model, which comes first, 0 for the smallest */
function placesFrom(sizes: StoredSizes, placeAt: (left: number) => Omit<Place, 'bytes'>): Place[] {
  const all = Array.from({ length: PLACES + 1 }, (_, i) => placeAt(1 - i / PLACES)).reverse();
  return (
    all
      // Of those of one size, that which loses least.
      .filter(({ parameters }, i) => parameters !== all[i + 1]?.parameters)
      .map((place) => ({ ...place, bytes: sizes.at(place.parameters) }))
  );
}

/** As the command line says them, and as they are followed. */
function shownRatios(ratios: ReadonlyMap<string, number>): Place['ratios'] {
  return [...ratios]
    .map(([name, ratio]) => [name, Number(ratio.toFixed(DIGITS))] as const)
    .filter(([, ratio]) => ratio > 0);
}
