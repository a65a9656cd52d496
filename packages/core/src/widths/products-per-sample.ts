import type { FeatureGraph } from '../format/feature-flow.js';

/** The layers that compute one product per sample: those wait for memory, and what is added in front of them costs next to nothing. */
export function productsPerSample(graph: FeatureGraph): ReadonlySet<string> {
  return new Set(
    graph.operations.flatMap(({ flow, outputs }) =>
      flow.type === 'layer' && (graph.shape(outputs[0]!)?.length ?? 0) <= 2 ? [flow.layer] : [],
    ),
  );
}
