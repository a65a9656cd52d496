/** What is left alone in a model, summed up: a network may have fifty convolutions, and one reason for all of them. */
import type { SkippedLayer } from './model-format.js';

/** Layers that are left alone for the same reason. */
export interface SkippedGroup {
  /** The name of the first one, with the number of the others: `conv1 and 51 others`. */
  readonly name: string;
  readonly reason: string;
  /** Values in the weights of all of them. */
  readonly parameters: number;
}

/** Groups by reason, those with most parameters first. */
export function groupSkipped(skipped: readonly SkippedLayer[]): SkippedGroup[] {
  const groups = new Map<string, SkippedLayer[]>();
  for (const layer of skipped) {
    const group = groups.get(layer.reason);
    if (group) group.push(layer);
    else groups.set(layer.reason, [layer]);
  }
  return [...groups]
    .map(([reason, members]) => ({
      name: nameOfGroup(members),
      reason,
      parameters: members.reduce((sum, { parameters }) => sum + parameters, 0),
    }))
    .sort((a, b) => b.parameters - a.parameters);
}

function nameOfGroup([first, ...others]: readonly SkippedLayer[]): string {
  if (others.length === 0) return first!.name;
  return `${first!.name} and ${others.length} other${others.length > 1 ? 's' : ''}`;
}
