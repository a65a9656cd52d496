/** What becomes smaller where nobody says it. */

import { MOST_COLUMNS } from '../calibration/moments.js';
import type { Model } from '../format/model-format.js';
import type { Reduction } from '../pipeline/compressed-model.js';
import { findWidths } from '../widths/find-widths.js';
import { productsPerSample } from '../widths/products-per-sample.js';
import { findBoth } from '../widths/select-both.js';
import type { NarrowTarget } from './narrowing-path.js';

/**
 * What becomes smaller where nothing says it: columns for given ratios, of models without widths that can become narrower, and for targets of
 * those that are mostly layers of one product per sample; of all others each width by what loses less. An error is kept by columns only where
 * those layers are too wide for their neurons to be chosen well, and by all other widths where there are any.
 *
 * @param target undefined for given ratios
 */
export function defaultReduction(
  model: Model,
  target: NarrowTarget | { readonly size: number } | undefined,
): Reduction {
  if (target === undefined || model.features === undefined) return 'columns';
  if (findWidths(model.graph).widths.every(({ reason }) => reason !== undefined)) return 'columns';
  if (!mostlyProducts(model, 'maxError' in target ? MOST_COLUMNS : 0)) return 'auto';
  return 'maxError' in target && findBoth(model).widths.length > 0 ? 'both' : 'columns';
}

/** Whether most values of a model are in layers that compute one product per sample, of more columns than so many: those wait for memory. */
function mostlyProducts({ graph, layers, parameters }: Model, columns: number): boolean {
  const once = productsPerSample(graph);
  const counted = layers.filter(({ name, inputs }) => once.has(name) && inputs > columns);
  return 2 * counted.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0) > parameters;
}
