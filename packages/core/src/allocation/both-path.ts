/** The path of widths and columns that a model goes, by what its layers and widths lose and by how its weights are stored. */
import { MOST_COLUMNS } from '../calibration/moments.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { WeightType } from '../format/weight-storage.js';
import type { Trials } from '../trials/trials.js';
import type { Width } from '../widths/find-widths.js';
import type { ColumnPath } from './column-path.js';
import { placeOfLoss } from './furthest-within.js';
import { type MeasureBothOptions, measureBoth } from './measure-both.js';
import type { NarrowTarget } from './narrowing-path.js';
import { type BothMeasured, leftAt, pathOfBoth } from './path-of-both.js';

export type BothPathOptions = MeasureBothOptions & {
  /** How the weights of the result will be stored. Default: as the model's file holds them. */
  readonly storage?: WeightType | undefined;
};

/**
 * The path that `bothToTarget` goes, see `pathOfBoth`: to an error, that of the choice which leaves least, see `choicesOfBoth`.
 *
 * @param trials of the layers whose columns are clustered
 * @param widths others than those layers read, see `selectBoth`
 * @param target only which one it is matters: what is to become less
 * @throws InputError as `columnPath` and `narrowingPath` do
 *
 * @example
 * const { layers, widths } = selectBoth(model);
 * const trials = await Trials.open(model, { layers: layers.map(({ name }) => name), calibration });
 * const path = await bothPath(trials, widths, { maxError: 0.002 }, { engine, calibration, inputs });
 * const { model: smaller } = await compressModel(model, { reduce: 'both', ratio: path(0.6).ratios, calibration });
 */
export async function bothPath(
  trials: Trials,
  widths: readonly Width[],
  target: NarrowTarget,
  options: BothPathOptions,
): Promise<ColumnPath> {
  const { model, layers } = trials;
  const measured = await measureBoth(trials, widths, target, options);
  const choices = choicesOfBoth(model, layers, measured, options.storage);
  return 'maxError' in target ? smallestOf(choices, target.maxError).path : pathOfBoth(measured);
}

/** What both can take, and what is left of the first amount before anything is taken, of what all weights would be. */
export interface BothChoice {
  readonly measured: BothMeasured;
  readonly whole: number;
}

/**
 * What was measured; and the same where the columns of some layers stay because their zeros are left out, the largest first. Only layers too wide to be
 * refitted while widths become narrower keep their zeros.
 *
 * @param layers those that were measured
 * @param storage how the weights of the result will be stored. Default: as the model's file holds them
 */
export function choicesOfBoth(
  model: Model,
  layers: readonly FcLayer[],
  measured: BothMeasured,
  storage: WeightType | undefined,
): BothChoice[] {
  const type = storage ?? model.storage?.found;
  const shares = (type && model.storage?.withoutZeros?.(type)) ?? new Map<string, number>();
  const sizeOf = (layer: FcLayer): number => layer.outputs * spanOf(layer) * layer.inputs;
  const choices: BothChoice[] = [{ measured, whole: 1 }];
  const staying = layers
    .filter((layer) => shares.has(layer.name) && spanOf(layer) * layer.inputs > MOST_COLUMNS)
    .sort((a, b) => sizeOf(b) - sizeOf(a));
  for (const layer of staying) {
    const { name } = layer;
    const last = choices.at(-1)!;
    // Of the first amount, bytes or parameters.
    const left = ((1 - shares.get(name)!) * sizeOf(layer)) / model.parameters;
    choices.push({ measured: withoutColumns(last, name, left), whole: last.whole - left });
  }
  return choices;
}

function withoutColumns({ measured, whole }: BothChoice, layer: string, left: number): BothMeasured {
  const { layers, widths, products } = measured;
  const rows = products.find(({ columns }) => columns === layer)?.rows;
  const scaled = (shares: readonly number[], less = 0): number[] =>
    shares.map((share, i) => (i === 0 ? (share * whole - less) / (whole - left) : share));
  return {
    layers: layers
      .filter((own) => own.layer !== layer)
      .map((own) => ({ ...own, savings: scaled(own.savings) })),
    widths: widths.map((own) => ({ ...own, savings: scaled(own.savings, own.layer === rows ? left : 0) })),
    products: products
      .filter(({ columns }) => columns !== layer)
      .map((own) => ({ ...own, shares: scaled(own.shares) })),
  };
}

/** Of those that lose as much, the choice of which least is left, all amounts alike. */
export function smallestOf(
  choices: readonly BothChoice[],
  maxError: number,
): BothChoice & { readonly path: ColumnPath; readonly place: number } {
  const found = choices.map((choice) => {
    const path = pathOfBoth(choice.measured);
    const place = placeOfLoss((at) => path(at).loss, maxError);
    const shares = leftAt(choice.measured, path(place).ratios);
    const left = shares.reduce((product, share) => product * share, choice.whole);
    return { ...choice, path, place, left };
  });
  return found.reduce((best, one) => (one.left < best.left ? one : best));
}
