import type { SkippedGroup } from '@spherize/core';
import { formatTable } from './output.js';

/** What of a model is left alone, and why: a line per reason. */
export function skippedTable(groups: readonly SkippedGroup[]): string {
  return formatTable(
    ['not compressed', 'parameters', 'why'],
    groups.map(({ name, parameters, reason }) => [name, String(parameters), reason]),
  );
}
