/** What a reader of a sweep wants to know first: how small the model may become, and what that costs. */
import type { SweepResults } from '@spherize/core/sweep';
import { type Comparison, comparisonRows } from '../footprint/static-footprint.js';
import { factor, megabytes, percent } from '../terminal/output.js';
import { type SweepPoint, sparsityName, sweepPoints } from './points.js';

/** The loss of top-1 accuracy that most people accept. */
const ACCEPTED = 0.01;

/**
 * The setting with fewest parameters that loses at most a point of accuracy, and where there is none, the one that loses least.
 *
 * @returns undefined for a sweep without settings
 */
export function bestWithin(
  results: SweepResults,
): { readonly point: SweepPoint; readonly sentence: string } | undefined {
  const { baseline, references = [] } = results;
  // What is measured to compare with is no advice.
  const points = sweepPoints({ rows: results.rows }).toSorted(
    (a, b) => a.parameters - b.parameters || b.top1 - a.top1,
  );
  const near = points.find(({ top1 }) => baseline.top1 - top1 <= ACCEPTED);
  const point = near ?? points.toSorted((a, b) => b.top1 - a.top1)[0];
  if (point === undefined) return undefined;
  const less =
    baseline.bytes === undefined || point.bytes === undefined
      ? factor(baseline.parameters, point.parameters, 'fewer parameters', 'as many parameters')
      : factor(baseline.bytes, point.bytes, 'smaller', 'larger');
  const measured = references.length > 0 ? ', lines of reference apart' : '';
  const chosen = near
    ? `Smallest setting that loses at most a point of accuracy${measured}`
    : `No setting loses as little as a point of accuracy; the one that loses least${measured}`;
  const pruned = point.sparsity === 0 ? '' : `, sparsity ${sparsityName(point.sparsity)}`;
  return {
    point,
    sentence: `${chosen}: ${point.method} at ρ = ${point.ratio}${pruned}: ${less}, top-1 ${percent(baseline.top1)} → ${percent(point.top1)}.`,
  };
}

/** Rows of a table with the figures of the model and of one setting. */
export function beforeAndAfter({ baseline }: SweepResults, point: SweepPoint): string[][] {
  const figures: Comparison[] = [
    {
      name: 'parameters',
      before: baseline.parameters,
      after: point.parameters,
      text: (value) => Math.round(value).toLocaleString('en-US'),
    },
  ];
  if (baseline.bytes !== undefined && point.bytes !== undefined)
    figures.push({ name: 'file, computed', before: baseline.bytes, after: point.bytes, text: megabytes });
  if (point.latencyMs !== undefined && point.speedup !== undefined)
    figures.push({
      name: 'time from the first compressed layer on',
      before: point.latencyMs * point.speedup,
      after: point.latencyMs,
      text: (value) => `${value.toFixed(3)} ms`,
    });
  return [
    ['top-1', percent(baseline.top1), percent(point.top1), '–'],
    ['top-5', percent(baseline.top5), percent(point.top5), '–'],
    ...comparisonRows(figures),
  ];
}
