import { methodName, type SweepResults, type SweepRow } from '@spherize/core/sweep';

/** Everything that was measured of one method at one sparsity and ratio: means over the seeds. */
export interface SweepPoint {
  readonly method: string;
  readonly sparsity: number;
  readonly ratio: number;
  readonly seeds: number;
  readonly top1: number;
  readonly top5: number;
  readonly parameters: number;
  /** The figures below are missing where the sweep did not measure them. */
  readonly relativeError: number | undefined;
  readonly bytes: number | undefined;
  /** Median latency in milliseconds. */
  readonly latencyMs: number | undefined;
  /** The uncompressed median over the compressed one. */
  readonly speedup: number | undefined;
  readonly layers: readonly { readonly name: string; readonly relativeError: number }[];
}

/** The points of a sweep, those of the lines of reference last. */
export function sweepPoints({
  rows,
  references = [],
}: Pick<SweepResults, 'rows' | 'references'>): SweepPoint[] {
  const groups = new Map<string, SweepRow[]>();
  for (const row of [...rows, ...references]) {
    const key = JSON.stringify([methodName(row), row.sparsity, row.ratio]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const first = group[0]!;
    const mean = (of: (row: SweepRow) => number): number =>
      group.reduce((sum, row) => sum + of(row), 0) / group.length;
    const known = (of: (row: SweepRow) => number | undefined): number | undefined =>
      group.every((row) => of(row) !== undefined) ? mean((row) => of(row)!) : undefined;
    return {
      method: methodName(first),
      sparsity: first.sparsity,
      ratio: first.ratio,
      seeds: group.length,
      top1: mean(({ top1 }) => top1),
      top5: mean(({ top5 }) => top5),
      parameters: mean(({ parameters }) => parameters),
      relativeError: known(({ relativeError }) => relativeError),
      bytes: known(({ bytes }) => bytes),
      latencyMs: known(({ latency }) => latency?.medianMs),
      speedup: known(({ latency }) => latency && latency.uncompressedMs / latency.medianMs),
      layers: (first.layers ?? []).map(({ name }, i) => ({
        name,
        relativeError: mean(({ layers }) => layers?.[i]?.relativeError ?? Number.NaN),
      })),
    };
  });
}

/** How a sparsity is called in plots and tables. */
export function sparsityName(sparsity: number): string {
  return sparsity === 0 ? 'as in the model' : String(sparsity);
}

/**
 * The points that no other beats: nothing that costs at most as much is more accurate, nothing as accurate costs less.
 * Ordered by cost.
 */
export function paretoFront<T extends { readonly top1: number }>(
  points: readonly T[],
  cost: (point: T) => number,
): T[] {
  const front: T[] = [];
  for (const point of points.toSorted((a, b) => cost(a) - cost(b) || b.top1 - a.top1)) {
    if (front.length === 0 || point.top1 > front.at(-1)!.top1) front.push(point);
  }
  return front;
}
