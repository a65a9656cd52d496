/** From a model to the path on which its widths lose what costs the outputs least. */
import type { Model } from '../format/model-format.js';
import { principalFeatures } from '../neurons/principal-features.js';
import type { Width } from '../widths/find-widths.js';
import { selectWidths, type WidthsMeant } from '../widths/select-widths.js';
import { pathOfCurves } from './allocate-ratios.js';
import { type AllocateWidthsOptions, type WidthPath, widthCurves } from './allocate-widths.js';
import { type AmountOptions, amountsOf } from './amounts.js';
import type { Target } from './compress-to-target.js';
import type { SavingCurve } from './savings.js';

/** What runtimes compute side by side: widths are multiples of it where time counts. */
export const LANES = 8;

/**
 * The relative error of the outputs that is allowed where nothing says how far to compress: on each of the networks that chose it (an AlexNet on
 * Fashion-MNIST, a vision transformer and a ResNet-20 on CIFAR-10) top-1 falls by less than half a point. On inputs that are made up it tells
 * less than on real ones, and 0.005 cost the first two 0.7 points.
 */
export const DEFAULT_MAX_ERROR = 0.002;

/** What widths are to reach. */
export type NarrowTarget =
  | Target
  /** At most this relative error of the outputs, see `OutputFidelity`: needs no labels. */
  | { readonly maxError: number };

export interface NarrowingPathOptions extends Omit<AllocateWidthsOptions, 'amounts'>, AmountOptions {
  /** Names of the widths, or of layers that read or make them. Default: all that can become narrower. */
  readonly layers?: readonly string[] | undefined;
  /** Where nothing is named. */
  readonly widths?: WidthsMeant | undefined;
}

/**
 * The path that `narrowToTarget` goes: of all allocations that save as much, those on it lose least, as far as losses and savings add up. Every place
 * on it is a ratio for each width, which `compressModel` takes.
 *
 * @param target only which one it is matters: what is to become less
 * @throws InputError as `selectWidths` and `compressModel` do; `UNSUPPORTED` where no width saves anything
 *
 * @example
 * const path = await narrowingPath(model, { maxError: 0.002 }, { engine, calibration, inputs, roundTo: LANES });
 * const { model: smaller } = await compressModel(model, { reduce: 'auto', ratio: path(0.4).ratios, roundTo: LANES, calibration });
 */
export async function narrowingPath(
  model: Model,
  target: NarrowTarget,
  { layers, widths, latencyModel, ...options }: NarrowingPathOptions,
): Promise<WidthPath> {
  const chosen = selectWidths(model, layers, widths);
  const amounts = await amountsOf(model, target, chosen, { ...options, latencyModel });
  return pathOfCurves(
    await narrowingCurves(model, chosen, { ...options, amounts: amounts.map(({ of }) => of) }),
  );
}

/** What those widths save and lose of which the path is made. */
export async function narrowingCurves(
  model: Model,
  chosen: readonly Width[],
  options: AllocateWidthsOptions,
): Promise<SavingCurve[]> {
  const { calibration } = options;
  if (calibration === undefined) return widthCurves(model, chosen, options);
  const { model: turned, ordered } = await principalFeatures(model, chosen, calibration, options);
  return widthCurves(turned, chosen, { ...options, ordered });
}
