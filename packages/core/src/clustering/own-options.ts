/** The options of a clusterer's own: what is given is checked against what the clusterer describes. */
import { InputError } from '../errors.js';
import type { Clusterer, ClustererOption, ClustererOptionTable, ClustererOptionValues } from './clusterer.js';

/** What every clusterer is given under these names. */
const TAKEN = ['seed', 'weights', 'signal', 'onProgress'];

/**
 * The same clusterer with these options of its own; the others keep their defaults.
 *
 * @throws InputError as `resolveOptions` does
 *
 * @example
 * ```ts
 * const clustering = await clusterColumns(withOptions(spherical, { scale: 'projected' }), columns, k);
 * ```
 */
export function withOptions(clusterer: Clusterer, given: ClustererOptionValues): Clusterer {
  const values = resolveOptions(clusterer, given);
  const table: ClustererOptionTable = Object.fromEntries(
    Object.entries(optionTable(clusterer)).map(([name, option]) => [
      name,
      { ...option, default: values[name] } as ClustererOption,
    ]),
  );
  return {
    name: clusterer.name,
    ...(clusterer.contributions && { contributions: true }),
    options: table,
    cluster: (columns, k, options) => clusterer.cluster(columns, k, { ...values, ...options }),
  };
}

/**
 * The value of every option of a clusterer's own: what is given, or its default.
 *
 * @throws InputError `BAD_ARGUMENT` that names the clusterer, the option and what is allowed; `BAD_PLUGIN` when the clusterer's
 * table of options is wrong
 */
export function resolveOptions(
  clusterer: Clusterer,
  given: Readonly<Record<string, unknown>> = {},
): ClustererOptionValues {
  const table = optionTable(clusterer);
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(table, name));
  if (unknown !== undefined) {
    const own = Object.entries(table).map(([name, option]) => `${name} (${allowedValues(option)})`);
    throw new InputError(
      'BAD_ARGUMENT',
      `clusterer '${clusterer.name}' has no option '${unknown}': ${own.length > 0 ? `expected ${own.join(', ')}` : 'it has none'}`,
    );
  }
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => {
      const value = given[name] ?? option.default;
      if (isAllowed(option, value)) return [name, value as string | number | boolean];
      throw new InputError(
        'BAD_ARGUMENT',
        `clusterer '${clusterer.name}': option '${name}' takes ${allowedValues(option)}, got '${value}'`,
      );
    }),
  );
}

/**
 * The options that a clusterer describes; empty when it has none.
 *
 * @throws InputError `BAD_PLUGIN` for a table that is wrong
 */
export function optionTable(clusterer: Clusterer): ClustererOptionTable {
  const table: ClustererOptionTable = clusterer.options ?? {};
  for (const [name, option] of Object.entries(table)) {
    const fault = faultOf(name, option);
    if (fault) throw new InputError('BAD_PLUGIN', `clusterer '${clusterer.name}': option '${name}' ${fault}`);
  }
  return table;
}

/** What an option may be, in words: `lloyd or hartigan`, `a whole number from 1 to 60`. */
export function allowedValues(option: ClustererOption): string {
  if (option.type === 'boolean') return 'true or false';
  if (option.type === 'enum') return option.values.join(' or ');
  const { min, max } = option;
  const kind = option.type === 'integer' ? 'a whole number' : 'a number';
  if (min !== undefined)
    return `${kind} ${max === undefined ? `of at least ${min}` : `from ${min} to ${max}`}`;
  return max === undefined ? kind : `${kind} of at most ${max}`;
}

function isAllowed(option: ClustererOption, value: unknown): boolean {
  if (option.type === 'boolean') return typeof value === 'boolean';
  if (option.type === 'enum') return option.values.some((allowed) => allowed === value);
  const { type, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = option;
  const isNumber = type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
  return isNumber && (value as number) >= min && (value as number) <= max;
}

/** What is wrong about a description; plug-ins come unchecked. */
function faultOf(name: string, option: ClustererOption): string | undefined {
  if (!/^[a-z][\w-]*$/i.test(name)) return 'needs a name of letters, digits, _ and -';
  if (TAKEN.includes(name)) return 'has a name that is taken: choose another';
  if (!['enum', 'number', 'integer', 'boolean'].includes(option?.type))
    return `needs the type enum, number, integer or boolean, got ${option?.type}`;
  if (option.type === 'enum' && !(Array.isArray(option.values) && option.values.every(isWord)))
    return 'needs values that are words';
  if (typeof option.description !== 'string' || option.description === '') return 'needs a description';
  if (!isAllowed(option, option.default))
    return `has the default ${option.default}, expected ${allowedValues(option)}`;
  return undefined;
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && /^[a-z][\w.-]*$/i.test(value) && !['true', 'false'].includes(value);
}
