/** Records on lines of their own, each with a checksum: what a killed run wrote in part is recognised. */
import { createHash } from 'node:crypto';

/** A record as a line, with its newline. */
export function checkedLine(record: unknown): string {
  return `${JSON.stringify({ check: checksum(record), record })}\n`;
}

/** The record of a line without its newline; undefined when the line is damaged. */
export function checkedRecord<T>(line: string): T | undefined {
  try {
    const { check, record } = JSON.parse(line);
    return check === checksum(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function checksum(record: unknown): string {
  return createHash('sha256').update(JSON.stringify(record)).digest('hex').slice(0, 16);
}
