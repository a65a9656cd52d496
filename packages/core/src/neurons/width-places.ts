/** The features of a width, where those of all blocks stand in a row. */
import type { Width } from '../widths/find-widths.js';
import type { NarrowedNetwork } from './narrowed-network.js';

/** The features of all blocks in a row; the index is a feature's place. */
export function featuresOf({ blocks }: Width): number[] {
  return blocks.flatMap((block) => [...block]);
}

/** Places of the features of each block. */
export function placesOfBlocks({ blocks }: Width): Int32Array[] {
  let start = 0;
  return blocks.map(({ length }) => Int32Array.from({ length }, () => start++));
}

/** @param kept places of features that stay */
export function leavingFeatures(width: Width, kept: Iterable<number>): number[] {
  const stay = new Set(kept);
  return featuresOf(width).filter((_, place) => !stay.has(place));
}

/** Blocks whose features layers read, and those that are only multiplied with each other, as queries and keys are. */
export function blocksByReading(
  network: NarrowedNetwork,
  width: Width,
): { read: Int32Array[]; unread: Int32Array[] } {
  const features = featuresOf(width);
  const columns = new Set(width.consumers.flatMap((name) => [...network.columns(name)]));
  const isRead = (block: Int32Array): boolean => block.every((place) => columns.has(features[place]!));
  const blocks = placesOfBlocks(width);
  return { read: blocks.filter(isRead), unread: blocks.filter((block) => !isRead(block)) };
}

/** Columns by feature, in order. */
export function occurrences(columns: Int32Array): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const [column, feature] of columns.entries()) {
    const list = found.get(feature);
    if (list === undefined) found.set(feature, [column]);
    else list.push(column);
  }
  return found;
}
