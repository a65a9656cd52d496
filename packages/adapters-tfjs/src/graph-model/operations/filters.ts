/** How operations read images with filters of one group. */
import type { AxisRole } from './flow.js';

export interface Filtering {
  /** The input that holds the image; the filters are input 1. */
  readonly input: number;
  /** Whether it is transposed: it makes an image that its filters would bring to what it reads. */
  readonly back: boolean;
}

export const FORWARD: Filtering = { input: 0, back: false };
/** Reads the shape of its result, the filters, and then what it convolves. */
export const BACK: Filtering = { input: 2, back: true };

/** How filters lie: `[…window, inputs, outputs]`, those of transposed ones `[…window, outputs, inputs]`. */
export function filterRoles({ back }: Filtering, rank: number): readonly AxisRole[] {
  const taps = Array<AxisRole>(Math.max(0, rank - 2)).fill('tap');
  return back ? [...taps, 'output', 'input'] : [...taps, 'input', 'output'];
}
