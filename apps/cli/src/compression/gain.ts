/** Whether a compressed model is worth writing. */
import type { Model } from '@spherize/core';
import { type ComparedLatency, isFaster, isSlower } from '@spherize/core/evaluation';
import { writtenBytes } from '../footprint/written-bytes.js';
import { percent } from '../terminal/output.js';

/** A share of the bytes that hardly counts. */
const HARDLY = 0.02;

/**
 * Why a model is not worth writing: it is larger or slower than the original, or hardly smaller and no faster.
 *
 * @param latency of both, where they could be timed
 * @returns undefined for one that is
 */
export async function nothingGained(
  smaller: Model,
  output: string,
  bytesBefore: number,
  latency: ComparedLatency | undefined,
): Promise<string | undefined> {
  const bytes = await writtenBytes(smaller, output);
  const share = percent(bytes / bytesBefore, 1);
  if (bytes > bytesBefore) return `what the outputs can do without leaves ${share} of the bytes`;
  if (latency !== undefined && isSlower(latency))
    return `the result takes ${latency.after.median.toFixed(2)} ms where the original takes ${latency.before.median.toFixed(2)} ms`;
  if (bytes > (1 - HARDLY) * bytesBefore && !(latency !== undefined && isFaster(latency)))
    return `what the outputs can do without leaves ${share} of the bytes, no faster`;
  return undefined;
}

/** How many times faster a model is than the original; 1 where that is not known, or no faster beyond noise. */
export function timesFaster(latency: ComparedLatency | undefined): number {
  return latency !== undefined && isFaster(latency) ? latency.before.median / latency.after.median : 1;
}
