import type { ClustererOptionValues } from '../clustering/clusterer.js';
import type { WidthReport } from '../neurons/reduce-neurons.js';
import type { Method, SweepSetting } from './settings.js';

/** What one setting of a sweep gave. */
export interface SweepRow extends SweepSetting {
  readonly top1: number;
  readonly top5: number;
  /** Values in all weight tensors of the compressed model. */
  readonly parameters: number;
  /** Size of its file, computed as `Baseline.bytes` is. */
  readonly bytes?: number;
  /** Mean of the layers' relative errors `‖W − Ŵ‖_F / ‖W‖_F`; missing where widths became narrower. */
  readonly relativeError?: number;
  /** The layers one by one. */
  readonly layers?: readonly LayerFigures[];
  /** What became of each width, where widths became narrower. */
  readonly reductions?: readonly WidthReport[];
  /** Times of the part that was compressed; only when they were asked for. */
  readonly latency?: LatencyFigures;
  /** Time to cluster, rewrite and evaluate, in seconds. */
  readonly seconds: number;
}

/** What became of one layer at one setting. */
export interface LayerFigures {
  readonly name: string;
  /** k, the clusters that are left. */
  readonly clusters: number;
  /** The column reduction ratio reached. */
  readonly ratio: number;
  /** `‖W − Ŵ‖_F / ‖W‖_F` against the pruned W. */
  readonly relativeError: number;
}

/**
 * Milliseconds per run of everything from the first compressed layer on, in alternation with the uncompressed model's same
 * part: one sample at a time, or as many as the model fixes.
 */
export interface LatencyFigures {
  readonly medianMs: number;
  /** First and third quartile. */
  readonly quartilesMs: readonly [number, number];
  /** Median of the uncompressed part in the same alternation. */
  readonly uncompressedMs: number;
  readonly runs: number;
}

/** Accuracy of the model at one sparsity before any clustering. */
export interface Baseline {
  readonly top1: number;
  readonly top5: number;
  readonly parameters: number;
  /** Size of the model's file; of a compressed one computed: less what the missing parameters took. */
  readonly bytes?: number;
}

/** Everything that a sweep found: the content of `results.json`. */
export interface SweepResults {
  readonly model: string;
  readonly data: string;
  readonly samples: number;
  /** What measured it. */
  readonly versions?: Readonly<Record<string, string>>;
  /** The layers that were compressed together. */
  readonly layers: readonly string[];
  /** The model as it came. */
  readonly baseline: Baseline;
  /** The model pruned to each sparsity, not clustered. */
  readonly pruned: readonly (Baseline & { readonly sparsity: number })[];
  readonly rows: readonly SweepRow[];
  /** Lines of reference at the same sparsities and ratios. */
  readonly references?: readonly SweepRow[];
}

/** The mean over seeds of the rows that differ in nothing else. */
export interface MeanRow extends Omit<SweepSetting, 'seed'> {
  readonly top1: number;
  /** How many seeds were averaged. */
  readonly seeds: number;
}

/** Averages over seeds, in the order of first appearance. */
export function meanOverSeeds(rows: readonly SweepRow[]): MeanRow[] {
  const groups = new Map<string, SweepRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([methodName(row), row.sparsity, row.ratio]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((group) => {
    const { clusterer, algorithm, sparsity, ratio, calibrated, scale, options, reference, reduce } =
      group[0]!;
    const top1 = group.reduce((sum, row) => sum + row.top1, 0) / group.length;
    const kind = {
      ...(reduce && { reduce }),
      ...(scale && { scale }),
      ...(options && { options }),
      ...(reference && { reference }),
    };
    return { clusterer, algorithm, sparsity, ratio, calibrated, ...kind, top1, seeds: group.length };
  });
}

/** The name of a method as tables and plots show it. */
export function methodName(row: Method & Pick<SweepRow, 'calibrated' | 'reference' | 'reduce'>): string {
  const words = [
    ...(row.reference ? [] : [row.algorithm]),
    ...(row.scale === undefined ? [] : [row.scale]),
    ...(row.options ? [optionsText(row.options)] : []),
    ...(row.reduce ? [row.reduce] : []),
    ...(row.calibrated ? ['calibrated'] : []),
  ];
  return words.length > 0 ? `${row.clusterer} (${words.join(', ')})` : row.clusterer;
}

/** Options as tables and the command line have them: `a=1,b=2`. */
export function optionsText(options: ClustererOptionValues): string {
  return Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Where one clusterer beats another by most, at equal algorithm, sparsity and ratio; undefined when they never meet. */
export function largestLead(
  means: readonly MeanRow[],
  ahead: string,
  behind: string,
): { lead: number; row: MeanRow; other: MeanRow } | undefined {
  let best: { lead: number; row: MeanRow; other: MeanRow } | undefined;
  for (const row of means.filter(({ clusterer }) => clusterer === ahead)) {
    const other = means.find(
      (candidate) =>
        candidate.clusterer === behind &&
        candidate.algorithm === row.algorithm &&
        candidate.sparsity === row.sparsity &&
        candidate.ratio === row.ratio &&
        candidate.calibrated === row.calibrated,
    );
    if (other && (!best || row.top1 - other.top1 > best.lead))
      best = { lead: row.top1 - other.top1, row, other };
  }
  return best;
}
