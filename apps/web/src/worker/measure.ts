/** The curve of output error over size, from which a place is chosen. */
import { type LongRunOptions, type Model, WEIGHT_TYPES, type WeightType } from '@spherize/core';
import {
  allocateRatios,
  DEFAULT_MAX_ERROR,
  LANES,
  lossCurves,
  measureCurves,
  narrowedShape,
  narrowingPath,
  smallestAllocation,
} from '@spherize/core/allocation';
import { unseenInputs } from '@spherize/core/evaluation';
import { OutputProbe, Trials } from '@spherize/core/trials';
import type { Curve, MeasureRequest, Place } from '../protocol.js';
import type { OpenModel } from './open-model.js';
import { calibrationOf, MEMORY, SEED } from './settings.js';

/** Places on the curve besides the whole model. */
const PLACES = 40;
/** Digits of a ratio: enough for whole features of every width that fits, and few enough to be read in a command line. */
const DIGITS = 4;

type Onward = NonNullable<LongRunOptions['onProgress']>;

export async function measure(
  opened: OpenModel,
  request: MeasureRequest,
  onProgress: Onward,
): Promise<Curve> {
  const places = await (request.reduce === 'columns' ? columnPlaces : widthPlaces)(
    opened,
    request,
    onProgress,
  );
  const within = places.findIndex(({ loss }) => loss <= DEFAULT_MAX_ERROR);
  // Where even the mildest loses more, that one: the last is the model as it is.
  const mildest = Math.max(0, places.length - 2);
  return {
    places,
    start: within < 0 ? mildest : Math.min(within, mildest),
    bytes: bytesByType(opened),
  };
}

/** Places on the path of the widths. */
async function widthPlaces(opened: OpenModel, request: MeasureRequest, onProgress: Onward): Promise<Place[]> {
  const { model } = opened;
  const { mean, std } = request;
  const calibration = await calibrationOf(model, request);
  const engine = await opened.engine();
  try {
    const macs = (await model.multiplyAccumulates?.()) ?? null;
    const path = await narrowingPath(
      model,
      { maxError: DEFAULT_MAX_ERROR },
      {
        engine,
        calibration: calibration === 'none' ? undefined : calibration,
        inputs: await unseenInputs(model, macs, { seed: SEED + 1, mean, std }),
        roundTo: LANES,
        seed: SEED,
        memory: MEMORY,
        onProgress,
      },
    );
    return placesFrom((left) => {
      const { ratios, loss } = path(1 - left);
      const shown = shownRatios(ratios);
      return { ratios: shown, loss, parameters: narrowedShape(model, new Map(shown), LANES).parameters };
    });
  } finally {
    await engine.release?.();
  }
}

/** Places on the path of the layers whose columns are clustered. */
async function columnPlaces(
  opened: OpenModel,
  request: MeasureRequest,
  onProgress: Onward,
): Promise<Place[]> {
  const { model } = opened;
  const { mean, std } = request;
  const calibration = await calibrationOf(model, request);
  const engine = await opened.engine();
  try {
    const trials = await Trials.open(model, {
      engine,
      seed: SEED,
      memory: MEMORY,
      calibration: calibration === 'none' ? undefined : calibration,
    });
    const probe = await OutputProbe.record(trials, { seed: SEED, mean, std });
    const curves = lossCurves(await measureCurves(trials, probe, { onProgress }));
    const { share: least } = smallestAllocation(curves);
    return placesFrom((left) => {
      const { ratios, loss } = allocateRatios(curves, least + left * (1 - least));
      const shown = shownRatios(ratios);
      const gone = curves.reduce((sum, { layer, cost }) => sum + cost * (new Map(shown).get(layer) ?? 0), 0);
      return { ratios: shown, loss, parameters: Math.round(model.parameters - gone) };
    });
  } finally {
    await engine.release?.();
  }
}

/** @param placeAt what is found where this share of what can leave is left: 0 for the smallest model, 1 for the whole one */
function placesFrom(placeAt: (left: number) => Place): Place[] {
  const all = Array.from({ length: PLACES + 1 }, (_, i) => placeAt(i / PLACES));
  // Of those of one size, that which loses least.
  return all.filter(({ parameters }, i) => parameters !== all[i + 1]?.parameters);
}

/** As the command line says them, and as they are followed. */
function shownRatios(ratios: ReadonlyMap<string, number>): Place['ratios'] {
  return [...ratios]
    .map(([name, ratio]) => [name, Number(ratio.toFixed(DIGITS))] as const)
    .filter(([, ratio]) => ratio > 0);
}

/** Bytes of the whole model with its weights in each type. */
function bytesByType({ model, filesOf }: OpenModel): Curve['bytes'] {
  const bytesOf = (stored: Model): number =>
    filesOf(stored)
      .flatMap(({ pieces }) => pieces)
      .reduce((sum, { length }) => sum + length, 0);
  const { storage } = model;
  if (storage === undefined) return { float32: bytesOf(model) };
  const stored = (type: WeightType) => [type, bytesOf(storage.store(type).model)] as const;
  return Object.fromEntries(WEIGHT_TYPES.map(stored));
}
