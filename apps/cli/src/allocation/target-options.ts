/** What `compress` is to reach instead of given ratios. */
import { InputError, type LatencyModel } from '@spherize/core';
import { DEFAULT_MAX_ERROR } from '@spherize/core/allocation';
import type { Command } from 'commander';
import { DATASET_SPECS } from '../data/open-dataset.js';
import { parseLatencyModel } from '../options/latency-model.js';
import { parseInteger, parseNumber } from '../options/parse.js';

export interface TargetOptions {
  readonly targetSize?: number;
  readonly targetSpeedup?: number;
  readonly maxDrop?: number;
  readonly maxError?: number;
  readonly measure?: true;
  readonly latencyModel?: LatencyModel;
  readonly data?: string;
  readonly limit?: number;
}

/** One target, as the options give it; see `NarrowTarget` of the library. */
export type Target =
  | { readonly size: number }
  | { readonly speedup: number }
  | { readonly maxDrop: number }
  | { readonly maxError: number };

/** `--max-error`, `--target-size`, `--target-speedup`, `--max-drop`, and the data that they are measured on. */
export function addTargetOptions(command: Command): Command {
  return command
    .option(
      '--max-error <share>',
      `choose the ratios: at most this relative error of the outputs, on inputs that no refit has seen (default: ${DEFAULT_MAX_ERROR}, where nothing else says how far)`,
      (text) => {
        const share = parseNumber('--max-error', text);
        if (share > 0 && share < 1) return share;
        throw new InputError('BAD_ARGUMENT', `--max-error: expected a number in (0, 1), got '${text}'`);
      },
    )
    .option('--target-size <share>', "choose the ratios: at most this share of the file's bytes", (text) => {
      const share = parseNumber('--target-size', text);
      if (share > 0 && share < 1) return share;
      throw new InputError('BAD_ARGUMENT', `--target-size: expected a number in (0, 1), got '${text}'`);
    })
    .option(
      '--target-speedup <factor>',
      'choose the ratios: so many times faster by the latency model, one sample at a time; with --reduce columns so many times fewer multiply-accumulates in the layers',
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
    .option(
      '--measure',
      'time the model and narrower ones here first, and choose the ratios by that; the recipe keeps what was found as --latency-model',
    )
    .option(
      '--latency-model <costs>',
      'what each kind of work takes, in nanoseconds, instead of measuring it (default: as measured once for the runtime)',
      parseLatencyModel,
    )
    .option(
      '--data <data>',
      `data to choose the ratios and measure accuracy on, and without --calibrate to refit on, on samples apart: ${DATASET_SPECS.join(', ')}`,
    )
    .option('--limit <n>', 'use only its first n samples', (text) => parseInteger('--limit', text, 1));
}

/**
 * The target among the options, or undefined when ratios are given. Without either, the outputs' error is limited.
 *
 * @throws InputError `BAD_ARGUMENT` when more than one of the ratios and the targets is given, or data are missing or not needed
 */
export function chosenTarget(options: TargetOptions, ratiosGiven: boolean): Target | undefined {
  const { targetSize, targetSpeedup, maxDrop, maxError } = options;
  const given = [
    ...(ratiosGiven ? ['--ratio'] : []),
    ...(targetSize === undefined ? [] : ['--target-size']),
    ...(targetSpeedup === undefined ? [] : ['--target-speedup']),
    ...(maxDrop === undefined ? [] : ['--max-drop']),
    ...(maxError === undefined ? [] : ['--max-error']),
  ];
  if (given.length > 1)
    throw new InputError('BAD_ARGUMENT', `${given.join(' and ')} exclude each other: give one of them`);
  if (options.data === undefined && maxDrop !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      '--max-drop needs labelled data to measure accuracy on: give --data',
    );
  if (options.data === undefined && options.limit !== undefined)
    throw new InputError('BAD_ARGUMENT', '--limit cuts data, but there are none: give --data');
  const timed = timingFlag(options);
  if (timed !== undefined && (ratiosGiven || targetSize !== undefined))
    throw new InputError(
      'BAD_ARGUMENT',
      `${timed} chooses ratios by time, but ${ratiosGiven ? '--ratio gives them' : '--target-size counts bytes'}: leave one out`,
    );
  if (options.data !== undefined && ratiosGiven)
    throw new InputError('BAD_ARGUMENT', '--data chooses ratios, but --ratio gives them: leave one out');
  if (targetSize !== undefined) return { size: targetSize };
  if (targetSpeedup !== undefined) return { speedup: targetSpeedup };
  if (maxDrop !== undefined) return { maxDrop };
  return ratiosGiven ? undefined : { maxError: maxError ?? DEFAULT_MAX_ERROR };
}

/** @throws InputError `BAD_ARGUMENT` where columns are clustered, which no times choose */
export function requireNoTiming(options: TargetOptions): void {
  const timed = timingFlag(options);
  if (timed !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `${timed} chooses by time among widths, and here columns are clustered: give --reduce auto, or leave it out`,
    );
}

function timingFlag({ measure, latencyModel }: TargetOptions): string | undefined {
  return measure ? '--measure' : latencyModel && '--latency-model';
}
