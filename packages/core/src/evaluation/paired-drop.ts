/** Two classifiers on the same labelled samples. */
export interface PairedHits {
  readonly samples: number;
  /** Samples that only the first classifies correctly. */
  readonly lost: number;
  /** Samples that only the second classifies correctly. */
  readonly gained: number;
}

/** @param before how many classes come before each sample's label for the first classifier; `after` for the second */
export function pairedHits(before: Int32Array, after: Int32Array): PairedHits {
  return {
    samples: before.length,
    lost: before.filter((rank, i) => rank === 0 && after[i]! > 0).length,
    gained: before.filter((rank, i) => rank > 0 && after[i] === 0).length,
  };
}

/** By how much the second classifier's accuracy on the samples is below the first's. */
export function accuracyDrop({ samples, lost, gained }: PairedHits): number {
  return (lost - gained) / samples;
}

/**
 * The upper end of a one-sided confidence interval for the drop on all samples of the same kind. Samples on which both agree
 * add nothing to its width, which makes it far narrower than one from two separate accuracies. One is added to both counts (Bonett
 * and Price, 2012, doi:10.3102/1076998611411915), so that it holds for small counts as well.
 *
 * @param deviations how many standard errors above the estimate: 1.645 for 95 %
 */
export function accuracyDropBound({ samples, lost, gained }: PairedHits, deviations: number): number {
  const n = samples + 2;
  const drop = (lost - gained) / n;
  const variance = ((lost + gained + 2) / n - drop * drop) / n;
  return drop + deviations * Math.sqrt(variance);
}
