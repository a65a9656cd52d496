import { clustersForRatio } from '../compression/column-reduction.js';
import { InputError } from '../errors.js';

/** Ratios by layer: a plain object or a `Map`. */
export type RatiosByLayer = Readonly<Record<string, number>> | ReadonlyMap<string, number>;

/** Ratios of what was named. */
export interface NamedRatios {
  /** What they name, as it was given; undefined for one ratio for all. */
  readonly names: readonly string[] | undefined;
  readonly byName: ReadonlyMap<string, number>;
  /** The ratio of what is not named. */
  readonly all: number;
}

/**
 * @param ownName the name by which the model knows what was named
 * @throws InputError `BAD_ARGUMENT` for anything but numbers in [0, 1), and what `ownName` throws
 */
export function ratiosByName(
  ratio: number | RatiosByLayer | undefined,
  ownName: (name: string) => string,
): NamedRatios {
  if (typeof ratio === 'number') {
    clustersForRatio(1, ratio);
    return { names: undefined, byName: new Map(), all: ratio };
  }
  if (typeof ratio !== 'object' || ratio === null)
    throw new InputError(
      'BAD_ARGUMENT',
      `expected a number in [0, 1), or one for each of some layers, got ${ratio === undefined ? 'nothing' : String(ratio)}`,
      { option: 'ratio' },
    );
  const given = [...(ratio instanceof Map ? ratio : Object.entries(ratio))] as [string, number][];
  if (given.length === 0)
    throw new InputError('BAD_ARGUMENT', 'names no layer: give each layer to compress its ratio', {
      option: 'ratio',
    });
  const byName = new Map<string, number>();
  for (const [name, value] of given) {
    if (typeof value !== 'number')
      throw new InputError(
        'BAD_ARGUMENT',
        `expected a number in [0, 1) for layer '${name}', got ${String(value)}`,
        { option: 'ratio' },
      );
    clustersForRatio(1, value);
    byName.set(ownName(name), value);
  }
  return { names: given.map(([name]) => name), byName, all: 0 };
}
