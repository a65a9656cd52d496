/** What `compress` is to reach instead of given ratios. */
import { InputError } from '@spherize/core';
import type { Command } from 'commander';
import { DATASET_SPECS } from '../data/open-dataset.js';
import { parseInteger, parseNumber } from '../options/parse.js';

export interface TargetOptions {
  readonly targetSize?: number;
  readonly targetSpeedup?: number;
  readonly maxDrop?: number;
  readonly data?: string;
  readonly limit?: number;
}

/** One target, as the options give it; see `Target` of the library. */
export type Target = { readonly size: number } | { readonly speedup: number } | { readonly maxDrop: number };

/** `--target-size`, `--target-speedup`, `--max-drop`, and the data that they are measured on. */
export function addTargetOptions(command: Command): Command {
  return command
    .option('--target-size <share>', "choose the ratios: at most this share of the file's bytes", (text) => {
      const share = parseNumber('--target-size', text);
      if (share > 0 && share < 1) return share;
      throw new InputError('BAD_ARGUMENT', `--target-size: expected a number in (0, 1), got '${text}'`);
    })
    .option(
      '--target-speedup <factor>',
      'choose the ratios: so many times fewer multiply-accumulates in the layers',
      (text) => {
        const factor = parseNumber('--target-speedup', text);
        if (factor > 1) return factor;
        throw new InputError('BAD_ARGUMENT', `--target-speedup: expected a number above 1, got '${text}'`);
      },
    )
    .option(
      '--max-drop <points>',
      'choose the ratios: at most so many percentage points of top-1 accuracy lost; needs --data',
      (text) => {
        const points = parseNumber('--max-drop', text);
        if (points > 0 && points < 100) return points / 100;
        throw new InputError('BAD_ARGUMENT', `--max-drop: expected points in (0, 100), got '${text}'`);
      },
    )
    .option('--data <data>', `data to choose the ratios on: ${DATASET_SPECS.join(', ')}`)
    .option('--limit <n>', 'use only its first n samples', (text) => parseInteger('--limit', text, 1));
}

/**
 * The target among the options, or undefined when ratios are given.
 *
 * @throws InputError `BAD_ARGUMENT` unless exactly one of the ratios and the targets is given, with data where needed and only there
 */
export function chosenTarget(options: TargetOptions, ratiosGiven: boolean): Target | undefined {
  const { targetSize, targetSpeedup, maxDrop } = options;
  const given = [
    ...(ratiosGiven ? ['--ratio'] : []),
    ...(targetSize === undefined ? [] : ['--target-size']),
    ...(targetSpeedup === undefined ? [] : ['--target-speedup']),
    ...(maxDrop === undefined ? [] : ['--max-drop']),
  ];
  if (given.length !== 1) {
    throw new InputError(
      'BAD_ARGUMENT',
      given.length === 0
        ? 'how far to compress is missing: give --ratio, --target-size, --target-speedup or --max-drop'
        : `${given.join(' and ')} exclude each other: give one of them`,
    );
  }
  if (options.data === undefined && maxDrop !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      '--max-drop needs labelled data to measure accuracy on: give --data',
    );
  if (options.data === undefined && options.limit !== undefined)
    throw new InputError('BAD_ARGUMENT', '--limit cuts data, but there are none: give --data');
  if (options.data !== undefined && ratiosGiven)
    throw new InputError('BAD_ARGUMENT', '--data chooses ratios, but --ratio gives them: leave one out');
  if (targetSize !== undefined) return { size: targetSize };
  if (targetSpeedup !== undefined) return { speedup: targetSpeedup };
  return maxDrop === undefined ? undefined : { maxDrop };
}
