/** `--weights`: how the written file holds its weights. */
import { InputError, type Model, WEIGHT_TYPES, type WeightType } from '@spherize/core';
import type { Command } from 'commander';
import { ChoiceOption } from '../options/choice-option.js';
import { parseChoice } from '../options/parse.js';

export interface WeightsOption {
  readonly weights?: WeightType;
}

export function addWeightsOption(command: Command): Command {
  return command.addOption(
    new ChoiceOption(
      '--weights <type>',
      `how the written file holds its weights: ${WEIGHT_TYPES.join(', ')} (default: as the model's own does; where --max-error says how far, the fewest bits that take a quarter of it)`,
      WEIGHT_TYPES,
    ).argParser((text) => parseChoice('--weights', text, WEIGHT_TYPES)),
  );
}

/** @throws InputError `UNSUPPORTED` for a model whose format stores weights in one way only */
export function requireStorage(model: Model, { weights }: WeightsOption, format: string): void {
  if (weights !== undefined && model.storage === undefined)
    throw new InputError(
      'UNSUPPORTED',
      `--weights: format ${format} stores weights in one way only: leave it out`,
    );
}

/** What `--reduce none` has no use for, with the flag that says it. */
const REDUCING = {
  ratio: '--ratio',
  targetSize: '--target-size',
  targetSpeedup: '--target-speedup',
  maxDrop: '--max-drop',
  maxError: '--max-error',
  layers: '--layers',
  roundTo: '--round-to',
  data: '--data',
  limit: '--limit',
} as const;

/** @throws InputError `BAD_ARGUMENT` where nothing is to be reduced and something says how far, or nothing says how weights are stored */
export function requireNothingReduced(
  options: WeightsOption & Readonly<Partial<Record<keyof typeof REDUCING, unknown>>>,
): void {
  const given = Object.entries(REDUCING).find(
    ([name]) => options[name as keyof typeof REDUCING] !== undefined,
  );
  if (given !== undefined)
    throw new InputError('BAD_ARGUMENT', `${given[1]}: --reduce none reduces nothing: leave one of them out`);
  if (options.weights === undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      '--reduce none leaves the model as it is: say with --weights how its weights are to be stored',
    );
}

/** A model as it is written: with its weights in a type, or in the one that its file had. */
export function storedAs(model: Model, weights: WeightType | undefined): Model {
  const { storage } = model;
  const type = weights ?? storage?.found;
  return type === undefined || storage === undefined ? model : storage.store(type).model;
}
