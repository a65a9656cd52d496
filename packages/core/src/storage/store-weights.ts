/** A model's weights in another type, with the proof that what is written computes what the rounded weights do. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { LongRunOptions } from '../cancellation.js';
import { InputError } from '../errors.js';
import type { Model } from '../format/model-format.js';
import {
  type RoundedWeights,
  type StorageReport,
  type StoredModel,
  WEIGHT_TYPES,
  type WeightStorage,
  type WeightType,
} from '../format/weight-storage.js';
import type { MatrixEngine } from '../matrix/matrix-engine.js';
import { compareModels, type Verification } from '../proof/compare-models.js';
import type { RequireMemory } from '../proof/random-inputs.js';
import { chooseRounding } from './choose-rounding.js';

export interface StoreWeightsOptions extends LongRunOptions {
  readonly engine: MatrixEngine;
  /** Inputs by which the rounding to whole numbers is chosen, where the format has a scale per output. Default: none, to the nearest. */
  readonly inputs?: CalibrationInputs | undefined;
  /** Whether the result is run against the same values as floats. Default yes. */
  readonly prove?: boolean | undefined;
  readonly requireMemory?: RequireMemory | undefined;
  readonly seed?: number | undefined;
}

/** What became of the weights, and how far the file is from computing what they say. */
export interface StorageResult extends StorageReport {
  /** The inputs by which the rounding was chosen; undefined where all of it is to the nearest. */
  readonly rounding: string | undefined;
  /** What running the file against the same values as floats found; undefined only without a proof. */
  readonly proof: Verification | undefined;
}

/**
 * Stores a model's weights in a type, rounded by what the layers read where there are inputs.
 *
 * @throws InputError `UNSUPPORTED` for a model whose format stores weights in one way only
 * @throws ProofError when the stored model computes something else than its weights say
 */
export async function storeWeights(
  model: Model,
  type: WeightType,
  options: StoreWeightsOptions,
): Promise<{ model: Model; storage: StorageResult }> {
  const { prove = true, seed, signal, requireMemory } = options;
  // Weights that a rewrite rounded already are not rounded twice.
  const planned = model.rounding?.exact ?? model;
  const storage = requireStorage(planned, type);
  const rounded = await chosen(planned, storage, type, options);
  const stored: StoredModel = storage.store(type, rounded);
  const { report, floats } = stored;
  const rounding = rounded === undefined ? undefined : options.inputs?.name;
  options.onProgress?.({ phase: 'storage', done: 0, total: 1 });
  const proof =
    prove && report.tensors > 0
      ? await compareModels(
          floats,
          stored.model,
          { form: 'rounded weights', model: () => floats },
          {
            seed,
            signal,
            requireMemory,
          },
        )
      : undefined;
  return { model: stored.model, storage: { ...report, rounding, proof } };
}

/** @throws InputError `BAD_ARGUMENT` for an unknown type, `UNSUPPORTED` for a model that has no storage to choose */
export function requireStorage(model: Model, type: WeightType): WeightStorage {
  if (!WEIGHT_TYPES.includes(type))
    throw new InputError('BAD_ARGUMENT', `expected ${WEIGHT_TYPES.join(', ')}, got '${String(type)}'`, {
      option: 'storage',
    });
  if (model.storage === undefined)
    throw new InputError('UNSUPPORTED', "the model's format stores weights in one way only: leave it out", {
      option: 'storage',
    });
  return model.storage;
}

async function chosen(
  model: Model,
  { rowLayers = [] }: WeightStorage,
  type: WeightType,
  { inputs, ...options }: StoreWeightsOptions,
): Promise<ReadonlyMap<string, RoundedWeights> | undefined> {
  const { features } = model;
  if (inputs === undefined || features === undefined || rowLayers.length === 0) return undefined;
  if (type !== 'int8' && type !== 'int16') return undefined;
  return chooseRounding(model, features, rowLayers, type, inputs, options);
}
