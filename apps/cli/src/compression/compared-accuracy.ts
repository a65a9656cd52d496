import type { Model } from '@spherize/core';
import { evaluateModel, type LabelledData } from '@spherize/core/evaluation';

/** Shares of samples whose largest score is the right one, before and after. */
export interface ComparedAccuracy {
  readonly data: string;
  readonly samples: number;
  readonly before: number;
  readonly after: number;
}

/** Top-1 of both models. */
export async function comparedAccuracy(
  original: Model,
  smaller: Model,
  data: LabelledData,
  signal: AbortSignal,
): Promise<ComparedAccuracy> {
  const [before, after] = [
    await evaluateModel(original, data, { signal }),
    await evaluateModel(smaller, data, { signal }),
  ];
  return { data: data.name, samples: data.samples, before: before.top1, after: after.top1 };
}
