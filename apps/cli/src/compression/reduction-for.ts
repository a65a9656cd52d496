import { findWidths, type Model, type Reduction } from '@spherize/core';
import type { Target } from '../allocation/target-options.js';

/**
 * What becomes smaller where nothing says it: columns for given ratios, and for targets of models that are mostly layers of one product per
 * sample; of all others each width by what loses less.
 */
export function reductionFor(model: Model, target: Target | undefined): Reduction {
  if (target === undefined || model.features === undefined) return 'columns';
  if (findWidths(model.graph).widths.every(({ reason }) => reason !== undefined)) return 'columns';
  return 'maxError' in target || !mostlyProducts(model) ? 'auto' : 'columns';
}

/** Whether most values of a model are in fully connected layers that compute one product per sample: those wait for memory. */
function mostlyProducts({ graph, layers, parameters }: Model): boolean {
  const once = new Set(
    graph.operations.flatMap(({ flow, outputs }) =>
      flow.type === 'layer' && (graph.shape(outputs[0]!)?.length ?? 0) <= 2 ? [flow.layer] : [],
    ),
  );
  const values = layers.reduce(
    (sum, { name, outputs, inputs }) => sum + (once.has(name) ? outputs * inputs : 0),
    0,
  );
  return 2 * values > parameters;
}
