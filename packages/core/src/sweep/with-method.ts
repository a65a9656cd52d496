import type { Clusterer, ClustererOptionTable } from '../clustering/clusterer.js';
import { optionTable, withOptions } from '../clustering/own-options.js';
import { spherical } from '../clustering/spherical.js';
import type { Method } from './settings.js';

/** The options for which settings and results have places of their own, `algorithm` and `scale`, with their defaults. */
export const NAMED_OPTIONS: ClustererOptionTable = optionTable(spherical);

/** Whether settings have a place of their own for an option of a clusterer. */
export function isNamedOption(table: ClustererOptionTable, name: string): boolean {
  return Object.hasOwn(NAMED_OPTIONS, name) && table[name]?.type === 'enum';
}

/** A clusterer with the options that a method says. */
export function withMethod(
  clusterer: Clusterer,
  {
    algorithm,
    scale = String(NAMED_OPTIONS.scale?.default),
    options = {},
  }: Pick<Method, 'algorithm' | 'scale' | 'options'>,
): Clusterer {
  const table = optionTable(clusterer);
  const named = Object.entries({ algorithm, scale }).filter(([name]) => isNamedOption(table, name));
  return withOptions(clusterer, { ...Object.fromEntries(named), ...options });
}
