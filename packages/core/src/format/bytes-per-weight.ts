import type { Model } from './model-format.js';

/** Bytes of one stored weight, as the model says, or by its coarsest type. */
export function bytesPerWeight({ bytesPerWeight, roundoff = 2 ** -24 }: Model): number {
  if (bytesPerWeight !== undefined) return bytesPerWeight;
  if (roundoff >= 2 ** -11) return 2;
  return roundoff < 2 ** -24 ? 8 : 4;
}
