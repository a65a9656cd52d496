import type { Model } from '@spherize/core';
import { formatTable, megabytes } from '../terminal/output.js';

/** What a model takes without being timed. */
export interface StaticFootprint {
  /** All files of the model. */
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Values in all weight tensors. */
  readonly parameters: number;
  /** Multiplications in the products of weight matrices and filters, per sample; null when unknown. */
  readonly macs: number | null;
}

/** The figures that come from the graph. */
export async function graphFootprint(model: Model): Promise<Pick<StaticFootprint, 'parameters' | 'macs'>> {
  return { parameters: model.parameters, macs: (await model.multiplyAccumulates?.()) ?? null };
}

/** One figure before and after, with its text. */
export interface Comparison {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly text: (value: number) => string;
}

/** The columns of a table of figures before and after. */
export const COMPARED: readonly string[] = ['', 'before', 'after', 'ratio'];

/** The rows of such a table; the ratio is before over after. */
export function comparisonRows(figures: readonly Comparison[]): string[][] {
  const cell = (value: number | null, text: (value: number) => string) =>
    value === null ? '–' : text(value);
  return figures.map(({ name, before, after, text }) => [
    name,
    cell(before, text),
    cell(after, text),
    before === null || after === null || after === 0 ? '–' : `${(before / after).toFixed(2)}×`,
  ]);
}

/** A table of figures before and after. */
export function comparisonTable(figures: readonly Comparison[]): string {
  return formatTable(COMPARED, comparisonRows(figures));
}

/** The rows of the static figures. */
export function staticFigures(before: StaticFootprint, after: StaticFootprint): Comparison[] {
  const count = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  return [
    { name: 'file', before: before.bytes, after: after.bytes, text: megabytes },
    { name: 'file, gzip -6', before: before.gzipBytes, after: after.gzipBytes, text: megabytes },
    { name: 'parameters', before: before.parameters, after: after.parameters, text: count },
    { name: 'multiply-accumulates per sample', before: before.macs, after: after.macs, text: count },
  ];
}
