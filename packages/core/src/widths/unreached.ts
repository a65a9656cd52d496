import type { Model, SkippedLayer } from '../format/model-format.js';
import { findWidths } from './find-widths.js';

/**
 * What of a model no reduction reaches, each with its reason: of what is no fully connected layer, that which makes, carries and reads
 * no width that may become narrower.
 */
export function unreached(model: Model): SkippedLayer[] {
  const { features, graph, skipped } = model;
  if (features === undefined) return [...skipped];
  const offered = new Set<string>();
  const reasons = new Map<string, string>();
  for (const { producers, consumers, operations, name, reason } of findWidths(graph).widths) {
    for (const layer of [...producers, ...consumers, ...operations]) {
      if (reason === undefined) offered.add(layer);
      else if (!reasons.has(layer)) reasons.set(layer, `width ${name} stays: ${reason}`);
    }
  }
  return skipped
    .filter(({ name }) => !offered.has(name))
    .map((layer) => ({ ...layer, reason: reasons.get(layer.name) ?? layer.reason }));
}
