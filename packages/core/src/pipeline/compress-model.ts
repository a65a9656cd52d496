/** The way of a whole model: what is chosen becomes smaller, then the result is run against its reference. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { partOf } from '../cancellation.js';
import { rankOne } from '../clustering/rank-one.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';
import { selectLayers } from '../format/select-layers.js';
import { requireRunnable } from '../proof/compare-models.js';
import { requireStorage } from '../storage/store-weights.js';
import { namesOfBoth, ratiosApart, selectBoth } from '../widths/select-both.js';
import { selectWidths } from '../widths/select-widths.js';
import { compressBest } from './compress-best.js';
import { compressBoth, namedInBoth } from './compress-both.js';
import { compressColumns } from './compress-columns.js';
import { compressWidths } from './compress-widths.js';
import type { CompressedModel, CompressModelOptions } from './compressed-model.js';
import { defaultCalibration } from './default-calibration.js';
import { ratiosByName } from './ratios.js';
import { storeCompressed } from './store-compressed.js';
import { suggestedName } from './suggested-name.js';

/** Share of the time that the reduction takes, about, where weights are stored in another type afterwards. */
const REDUCED = 0.85;

/** Every option by name; the compiler sees to it that none is missing. */
const OPTIONS: Readonly<Record<keyof CompressModelOptions, true>> = {
  ratio: true,
  reduce: true,
  layers: true,
  widths: true,
  clusterer: true,
  engine: true,
  sparsity: true,
  roundTo: true,
  seed: true,
  weights: true,
  memory: true,
  shared: true,
  calibration: true,
  folding: true,
  explicitScales: true,
  storage: true,
  prove: true,
  requireMemory: true,
  signal: true,
  onProgress: true,
};

/**
 * Compresses a model, and runs the result against its reference: what is returned can be written.
 *
 * Progress names the layer or width at hand, and `share` is how much of the whole call is done.
 *
 * @throws InputError for unknown options, layers and widths, ratios outside [0, 1), weights that are not finite, or a model that its
 * runtime does not take
 * @throws ProofError when the result deviates by more than rounding explains; see `compareModels`
 *
 * @example
 * const { model: smaller, proof } = await compressModel(model, { ratio: 0.5 });
 * const { model: narrower } = await compressModel(model, { ratio: 0.5, reduce: 'neurons' });
 * const { layers } = await compressModel(model, { ratio: { fc6: 0.9, fc7: 0.5 }, clusterer: spherical });
 * const { model: stored } = await compressModel(model, { reduce: 'none', storage: 'int8' });
 */
export async function compressModel(model: Model, options: CompressModelOptions): Promise<CompressedModel> {
  requireKnownOptions(options);
  const { storage, onProgress } = options;
  if (storage !== undefined) requireStorage(model, storage);
  if ((storage ?? model.storage?.found) === undefined) return reduced(model, options);
  const result = await reduced(model, { ...options, onProgress: partOf(onProgress, 0, REDUCED) });
  return storeCompressed(model, result, { ...options, onProgress: partOf(onProgress, REDUCED, 1) });
}

async function reduced(model: Model, options: CompressModelOptions): Promise<CompressedModel> {
  const { ratio, calibration, reduce = 'columns', clusterer = rankOne, ...others } = options;
  if (reduce === 'columns') {
    const inputs = calibration === 'none' ? undefined : calibration;
    const { names, byName, all } = ratiosByName(ratio, (name) => selectLayers(model, [name])[0]!.name);
    const layers = selectLayers(model, options.layers ?? names);
    return compressColumns(
      model,
      layers.map((layer) => [layer, byName.get(layer.name) ?? all] as const),
      { ...others, clusterer, calibration: inputs },
    );
  }
  if ((options.sparsity ?? 0) > 0)
    throw new InputError(
      'BAD_ARGUMENT',
      `only weights of columns are pruned first: leave it out, or reduce columns`,
      { option: 'sparsity' },
    );
  const made = calibration === undefined ? await defaultCalibration(model, options.seed ?? 0) : calibration;
  const inputs = made === 'none' ? undefined : made;
  if (reduce === 'none') return unreduced(model, options, inputs);
  if (reduce === 'both') {
    const called = (name: string): string => namesOfBoth(model, selectBoth(model, [name]))[0]!;
    const { names, byName, all } = ratiosByName(ratio, called);
    const chosen = selectBoth(model, options.layers ?? names, options.widths);
    const ratios = new Map(namesOfBoth(model, chosen).map((name) => [name, byName.get(name) ?? all]));
    const { ofWidths, ofLayers } = ratiosApart(model, chosen, ratios);
    const resolved = { ...others, clusterer, calibration: inputs };
    return namedInBoth(model, await compressBoth(model, ofWidths, ofLayers, resolved));
  }
  const { names, byName, all } = ratiosByName(ratio, (name) => selectWidths(model, [name])[0]!.name);
  const chosen = selectWidths(model, options.layers ?? names, options.widths);
  const ratios = new Map(chosen.map(({ name }) => [name, byName.get(name) ?? all]));
  const compress = reduce === 'auto' ? compressBest : compressWidths;
  return compress(model, ratios, { ...others, clusterer, calibration: inputs });
}

/** The model as it is, which still has to run. */
async function unreduced(
  model: Model,
  { ratio, layers, storage, prove = true }: CompressModelOptions,
  calibration: CalibrationInputs | undefined,
): Promise<CompressedModel> {
  if (ratio !== undefined || layers !== undefined)
    throw new InputError('BAD_ARGUMENT', 'nothing is reduced: leave it out, or reduce something', {
      option: ratio === undefined ? 'layers' : 'ratio',
    });
  if (storage === undefined)
    throw new InputError('BAD_ARGUMENT', 'nothing is reduced: say how the weights are to be stored', {
      option: 'storage',
    });
  if (prove) await requireRunnable(model);
  const proof = { deviation: 0, against: 'original' } as const;
  return {
    model,
    layers: [],
    compressed: new Map(),
    reductions: [],
    calibration,
    proof: prove ? proof : undefined,
  };
}

function requireKnownOptions(options: CompressModelOptions): void {
  const known = Object.keys(OPTIONS);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const nearest = suggestedName(unknown, known);
  throw new InputError(
    'UNKNOWN_NAME',
    `compressModel: unknown option '${unknown}'${nearest ? `: did you mean '${nearest}'?` : `, expected one of ${known.join(', ')}`}`,
  );
}
