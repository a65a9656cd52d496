/** How much rounding changes weights. */

/** `Σ w²` of weights as they were planned, and `Σ (w − ŵ)²` with what is stored of them; both add up over tensors. */
export interface RoundingEnergies {
  readonly square: number;
  readonly lost: number;
}

export function roundingEnergies(planned: Float32Array, stored: Float32Array): RoundingEnergies {
  let square = 0;
  let lost = 0;
  for (let i = 0; i < planned.length; i++) {
    square += planned[i]! ** 2;
    lost += (planned[i]! - stored[i]!) ** 2;
  }
  return { square, lost };
}

/** `‖w − ŵ‖ / ‖w‖`; 0 where nothing is lost. */
export function relativeRounding({ square, lost }: RoundingEnergies): number {
  return lost === 0 ? 0 : Math.sqrt(lost / square);
}
