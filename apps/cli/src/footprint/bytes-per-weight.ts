import type { Model } from '@spherize/core';

/** Bytes of one stored weight, by the model's coarsest type. */
export function bytesPerWeight({ roundoff = 2 ** -24 }: Model): number {
  if (roundoff >= 2 ** -11) return 2;
  return roundoff < 2 ** -24 ? 8 : 4;
}
