import Table from 'cli-table3';
import { colours } from './colours.js';
import { visible } from './visible.js';

/** Writes one JSON document to stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** Writes text to stdout, with a newline. */
export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a log line to stderr. */
export function logLine(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

/** Writes a log line with `--verbose`; it is not even made without. */
export async function verboseLine(text: () => Promise<string>): Promise<void> {
  if (process.argv.includes('--verbose')) logLine(await text());
}

/** A plain table: a header line, a rule, aligned columns; columns of numbers are aligned to the right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const none = '';
  const table = new Table({
    head: [...header],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    colAligns: header.map((_, column) =>
      rows.every((row) => /^[-+]?[\d.,]+( ?[%×sM]| MB)?$|^$|^–$/.test(row[column] ?? '')) ? 'right' : 'left',
    ),
    chars: {
      top: none,
      'top-mid': none,
      'top-left': none,
      'top-right': none,
      bottom: none,
      'bottom-mid': none,
      'bottom-left': none,
      'bottom-right': none,
      left: none,
      'left-mid': '',
      right: none,
      'right-mid': '',
      mid: '─',
      'mid-mid': '',
      middle: none,
    },
  });
  for (const row of rows) table.push(row.map(visible));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .map((line, i) => [colours.bold, colours.dim][i]?.(line) ?? line)
    .join('\n');
}

/** A share as a percentage: `0.8845` becomes `88.45 %`. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A number of bytes in megabytes (10⁶). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB`;
}

/** How many times less something is, or more: `2.1 × smaller`. */
export function factor(before: number, after: number, less: string, more: string): string {
  const [larger, smaller] = before >= after ? [before, after] : [after, before];
  const times = larger / smaller;
  return `${times.toFixed(times < 1.995 ? 2 : 1)} × ${before >= after ? less : more}`;
}
