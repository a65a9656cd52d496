/** Widths become narrower, then the columns of layers are clustered. */
import { partOf } from '../cancellation.js';
import type { Model } from '../format/model-format.js';
import { nameInBoth } from '../widths/select-both.js';
import { compressColumns } from './compress-columns.js';
import { compressWidths } from './compress-widths.js';
import type { CompressedModel, ResolvedOptions } from './compressed-model.js';

/** What the widths take of the time, about. */
const NARROWED = 0.75;

/**
 * @param widths share of its features that leaves each width, by name
 * @param columns column reduction ratio of each layer, by name; convolutions among them are offered first
 * @throws ProofError as `compressWidths` and `compressColumns` do
 */
export async function compressBoth(
  model: Model,
  widths: ReadonlyMap<string, number>,
  columns: ReadonlyMap<string, number>,
  options: ResolvedOptions,
): Promise<CompressedModel> {
  const within = (from: number, to: number): ResolvedOptions => ({
    ...options,
    onProgress: partOf(options.onProgress, from, to),
  });
  const narrowed = await compressWidths(model, widths, within(0, columns.size > 0 ? NARROWED : 1));
  if (columns.size === 0) return narrowed;
  const { layers, convolutions } = narrowed.model;
  const own = [...layers, ...(convolutions?.layers ?? [])].flatMap((layer) => {
    const ratio = columns.get(layer.name);
    return ratio === undefined ? [] : [[layer, ratio] as const];
  });
  return clusteredAfter(narrowed, await compressColumns(narrowed.model, own, within(NARROWED, 1)));
}

/** The result of both steps. @param clustered what became of the narrower model */
export function clusteredAfter(narrowed: CompressedModel, clustered: CompressedModel): CompressedModel {
  return {
    ...clustered,
    reductions: [...narrowed.reductions, ...clustered.reductions],
    proof: narrowed.proof?.deviation === null ? narrowed.proof : clustered.proof,
  };
}

/** The result with its widths by what they are called among both. */
export function namedInBoth<Result extends CompressedModel>(model: Model, result: Result): Result {
  const reductions = result.reductions.map((report) =>
    report.kind === 'columns' ? report : { ...report, width: nameInBoth(model, report.width) },
  );
  return { ...result, reductions };
}
