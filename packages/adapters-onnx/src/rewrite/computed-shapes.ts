import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';

/** A computed shape and all integers that it is computed from. */
export function computationOf({ index, shapes }: OnnxModelFacts, shape: string): string[] {
  const found = new Set([shape]);
  for (const name of found) {
    const node = index.producer(name);
    for (const input of node?.input ?? []) if (shapes.integers(input) !== undefined) found.add(input);
  }
  return [...found];
}
