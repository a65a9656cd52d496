import type { FcLayer, Model } from '../format/model-format.js';
import { findWidths, type Width } from './find-widths.js';

/**
 * The layers that read a width, where clustering their columns does to all of it what its neurons would: fully connected layers, and
 * convolutions that can be compressed like them.
 *
 * @returns empty where something else reads the width, or a layer reads other features beside it
 */
export function columnReaders(model: Model, { consumers, blocks }: Width): readonly FcLayer[] {
  const { features, sets } = findWidths(model.graph);
  const own = new Set(blocks.flatMap((run) => [...run]));
  const readers = [...model.layers, ...(model.convolutions?.layers ?? [])].filter(
    ({ name, inputs }) => consumers.includes(name) && features.columns.get(name)?.length === inputs,
  );
  const whole = readers.every(({ name }) =>
    features.columns.get(name)!.every((label) => own.has(sets.find(label))),
  );
  return whole && readers.length === consumers.length ? readers : [];
}
