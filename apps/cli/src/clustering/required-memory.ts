import { type FcLayer, spanOf } from '@spherize/core';
import { requireMemory } from '@spherize/files';

/**
 * Refuses layers whose weights and Gram matrices cannot fit. A layer takes W, of 4·m·n bytes, and its Gram matrix, of 4·n²; where
 * that is more than `memory`, another W without the zero columns, and `memory`.
 *
 * @param together whether all layers are held at the same time, rather than one after the other
 * @throws InputError `UNSUPPORTED` with the numbers
 */
export function requireClusteringMemory(layers: readonly FcLayer[], memory: number, together: boolean): void {
  const needs = layers.map((layer) => {
    const { name, outputs, inputs } = layer;
    const weights = 4 * outputs * spanOf(layer) * inputs;
    const gram = 4 * inputs * inputs;
    return { name, bytes: gram <= memory ? weights + gram : 2 * weights + memory };
  });
  const remedy = 'lower --memory, or compress fewer layers with --layers';
  if (together) {
    const bytes = needs.reduce((sum, need) => sum + need.bytes, 0);
    requireMemory(`clustering ${needs.map(({ name }) => name).join(', ')}`, bytes, remedy);
  }
  for (const { name, bytes } of needs) requireMemory(`clustering layer '${name}'`, bytes, remedy);
}
