import { findWidths, MOST_COLUMNS, type Model, productsPerSample, type Reduction } from '@spherize/core';
import type { Target } from '../allocation/target-options.js';

/**
 * What becomes smaller where nothing says it: columns for given ratios, of models without widths that can become narrower, and for targets of
 * those that are mostly layers of one product per sample; of all others each width by what loses less. An error is kept by columns only where
 * those layers are too wide for their neurons to be chosen well.
 */
export function reductionFor(model: Model, target: Target | undefined): Reduction {
  if (target === undefined || model.features === undefined) return 'columns';
  if (findWidths(model.graph).widths.every(({ reason }) => reason !== undefined)) return 'columns';
  return mostlyProducts(model, 'maxError' in target ? MOST_COLUMNS : 0) ? 'columns' : 'auto';
}

/** Whether most values of a model are in layers that compute one product per sample, of more columns than so many: those wait for memory. */
function mostlyProducts({ graph, layers, parameters }: Model, columns: number): boolean {
  const once = productsPerSample(graph);
  const counted = layers.filter(({ name, inputs }) => once.has(name) && inputs > columns);
  return 2 * counted.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0) > parameters;
}
