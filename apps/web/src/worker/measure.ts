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
import type { Curve, MeasureRequest, Place, StoredBytes } from '../protocol.js';
import { between } from './between.js';
import type { OpenModel } from './open-model.js';
import { calibrationOf, MADE_UP, MEMORY, SEED } from './settings.js';
import { StoredSizes } from './stored-sizes.js';

/** Places on the curve besides the whole model. */
const PLACES = 40;
/** A place on the path of columns between half of them and the end. */
const MOST_BUT_LAST = 0.9;
/** Where the sizes of places begin to be counted, as a share of the time, about. */
const COUNTED = 0.9;
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
  const storage = await lightestStorage(model, await recordOutputs(model, inputs), DEFAULT_MAX_ERROR);
  const tools: Tools = {
    engine,
    storage,
    seed: SEED,
    memory: MEMORY,
    calibration: calibration === 'none' ? undefined : calibration,
    inputs,
    onProgress: partOf(onProgress, MADE_UP, COUNTED),
    onPlace: partOf(onProgress, COUNTED, 1),
  };
  const places = await PLACES_OF[request.reduce](opened, tools).finally(() => engine.release?.());
  const within = places.findIndex(({ loss }) => loss <= DEFAULT_MAX_ERROR);
  // Where even the mildest loses more, that one: the last is the model as it is.
  const mildest = Math.max(0, places.length - 2);
  return {
    places,
    start: within < 0 ? mildest : Math.min(within, mildest),
    storage,
  };
}

/** What measuring takes besides the model. */
interface Tools extends Omit<BothPathOptions, 'signal'> {
  /** While sizes are counted. */
  readonly onPlace: LongRunOptions['onProgress'];
}

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
  return placesFrom(tools, (left) => {
    const { ratios, loss } = path(1 - left);
    const shown = shownRatios(ratios);
    const shape = narrowedShape(model, new Map(shown), LANES);
    sizes.measure(shape, left === 0);
    const { parameters } = shape;
    return { ratios: shown, loss, parameters, bytes: () => sizes.at(parameters) };
  });
}

/** Places on the path of the columns. */
async function columnPlaces(opened: OpenModel, tools: Tools): Promise<Place[]> {
  const trials = await Trials.open(opened.model, tools);
  const path = await columnPath(trials, tools);
  const sizes = new StoredSizes(opened);
  const { parametersAt } = await weightsOfColumns(trials, path, sizes);
  return placesFrom(tools, (left) => {
    const { ratios, loss } = path(1 - left);
    const shown = shownRatios(ratios);
    const parameters = parametersAt(new Map(shown));
    return { ratios: shown, loss, parameters, bytes: () => sizes.at(parameters) };
  });
}

/** Places on the path of both. */
async function bothPlaces(opened: OpenModel, tools: Tools): Promise<Place[]> {
  const { model } = opened;
  const { layers, widths } = selectBoth(model);
  const names = layers.map(({ name }) => name);
  const trials = await Trials.open(model, { ...tools, layers: names, roundTo: LANES });
  const path = await bothPath(trials, widths, { maxError: DEFAULT_MAX_ERROR }, { ...tools, roundTo: LANES });
  const [sizes, ofColumns] = [new StoredSizes(opened), new StoredSizes(opened)];
  const columns = await weightsOfColumns(trials, path, ofColumns);
  return placesFrom(tools, (left) => {
    const { ratios, loss } = path(1 - left);
    const shown = shownRatios(ratios);
    const { ofLayers, ofWidths } = ratiosApart(model, { layers, widths }, new Map(shown));
    const narrower = narrowedShape(model, ofWidths, LANES, ofLayers.keys());
    sizes.measure(narrower, left === 0);
    // Rows that have left take their part of what columns save, and none of what is added beside the weights.
    const full = columns.savedAt(ofLayers);
    const saved = (full * weightsOf(narrower, layers)) / weightsOf(model, layers);
    const clustered = columns.parametersAt(ofLayers);
    const parameters = Math.round(narrower.parameters + clustered - model.parameters + full - saved);
    const bytes = (): StoredBytes => {
      const whole = ofColumns.at(model.parameters);
      // Places and factors stay as they are in every storage.
      const plain = 'float32' in whole ? 'float32' : 'kept';
      const added = ofColumns.at(clustered)[plain]! - whole[plain]! + full * sizes.bytesPerWeight(plain);
      return sizes.at(narrower.parameters, (type, own) => own - saved * sizes.bytesPerWeight(type) + added);
    };
    return { ratios: shown, loss, parameters, bytes };
  });
}

/** The weights of some layers, as they are in a model with fewer of their rows. */
function weightsOf({ layers }: Model, of: readonly FcLayer[]): number {
  const names = new Set(of.map(({ name }) => name));
  return layers
    .filter(({ name }) => names.has(name))
    .reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
}

interface WeightsOfColumns {
  /** Parameters of the model at ratios of the layers. */
  readonly parametersAt: (ratios: ReadonlyMap<string, number>) => number;
  /** The weights that have left its layers. */
  readonly savedAt: (ratios: ReadonlyMap<string, number>) => number;
}

/** By what is left at a few ratios, where the models are also stored. */
async function weightsOfColumns(
  trials: Trials,
  path: ColumnPath,
  sizes: StoredSizes,
): Promise<WeightsOfColumns> {
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
  return {
    parametersAt: (ratios) => {
      const at = between(known, ({ weights }) => weights, weightsAt(ratios));
      return Math.round(at(({ parameters }) => parameters));
    },
    savedAt: (ratios) => weightsAt(new Map()) - weightsAt(ratios),
  };
}

function halves({ layers }: Trials): Map<string, number> {
  return new Map(layers.map(({ name }) => [name, 0.5]));
}

/** @param placeAt what is found where this share of what can leave is left: 1 for the whole model, which comes first, 0 for the smallest */
function placesFrom(
  { onPlace }: Pick<Tools, 'onPlace'>,
  placeAt: (left: number) => Omit<Place, 'bytes'> & { readonly bytes: () => StoredBytes },
): Place[] {
  const all = Array.from({ length: PLACES + 1 }, (_, i) => {
    onPlace?.({ phase: 'storage', done: i, total: PLACES + 1, share: i / (PLACES + 1) });
    return placeAt(1 - i / PLACES);
  }).reverse();
  return (
    all
      // Of those of one size, that which loses least.
      .filter(({ parameters }, i) => parameters !== all[i + 1]?.parameters)
      .map((place) => ({ ...place, bytes: place.bytes() }))
  );
}

/** As the command line says them, and as they are followed. */
function shownRatios(ratios: ReadonlyMap<string, number>): Place['ratios'] {
  return [...ratios]
    .map(([name, ratio]) => [name, Number(ratio.toFixed(DIGITS))] as const)
    .filter(([, ratio]) => ratio > 0);
}
