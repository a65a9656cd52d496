/** Some widths become narrower, of others the columns that read them are clustered. */
import { partOf } from '../cancellation.js';
import type { Model } from '../format/model-format.js';
import type { WidthReport } from '../neurons/reduce-neurons.js';
import { betterOnColumns, type ColumnsFor, columnsOfEqualSize } from './better-on-columns.js';
import { compressBoth } from './compress-both.js';
import type { CompressedModel, ResolvedOptions } from './compressed-model.js';

/** What comparing takes of the time, about. */
const COMPARED = 0.6;

/**
 * Of each width the reduction that keeps the model's outputs closer, with as many parameters gone.
 *
 * @param ratios share of its features that leaves each width, by name; columns are clustered to as few parameters
 * @throws ProofError as `compressWidths` and `compressColumns` do
 */
export async function compressBest(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  options: ResolvedOptions,
): Promise<CompressedModel> {
  const { onProgress } = options;
  const comparing = { ...options, onProgress: partOf(onProgress, 0, COMPARED) };
  const onColumns = await betterOnColumns(model, ratios, comparing);
  return compressMixed(model, ratios, onColumns, { ...options, onProgress: partOf(onProgress, COMPARED, 1) });
}

/**
 * @param onColumns widths of which columns are clustered, where that can save as much; all others become narrower
 * @param columnsFor how far. Default: with as many parameters gone
 * @throws ProofError as `compressWidths` and `compressColumns` do
 */
export async function compressMixed(
  model: Model,
  ratios: ReadonlyMap<string, number>,
  onColumns: ReadonlySet<string>,
  options: ResolvedOptions,
  columnsFor: ColumnsFor = columnsOfEqualSize(model),
): Promise<CompressedModel> {
  const narrower = new Map<string, number>();
  const columns = new Map<string, { width: string; ratio: number }>();
  for (const [name, ratio] of ratios) {
    const clustered = onColumns.has(name) && ratio > 0 ? await columnsFor(name, ratio) : [];
    for (const [layer, own] of clustered) columns.set(layer.name, { width: name, ratio: own });
    if (clustered.length === 0) narrower.set(name, ratio);
  }
  const layers = new Map([...columns].map(([layer, own]) => [layer, own.ratio]));
  const mixed = await compressBoth(model, narrower, layers, options);
  const reports = new Map<string, WidthReport>();
  for (const report of mixed.reductions) {
    const width = report.kind === 'columns' ? columns.get(report.width)!.width : report.width;
    reports.set(width, { ...report, width });
  }
  return { ...mixed, reductions: [...ratios.keys()].flatMap((name) => reports.get(name) ?? []) };
}
