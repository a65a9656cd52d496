import { InputError } from '@spherize/core';
import type { parseRatios } from './parse.js';

/** The ratio of each layer or width to compress: those of `--layers`, else those that `--ratio` names, else all. */
export function chosenRatios(
  select: (names?: readonly string[]) => readonly { readonly name: string }[],
  names: readonly string[] | undefined,
  ratios: ReturnType<typeof parseRatios>,
): Map<string, number> {
  const own = new Map<string, number>();
  for (const [name, ratio] of ratios.byLayer) own.set(select([name])[0]!.name, ratio);
  const chosen = select(names ?? (ratios.all === undefined ? [...own.keys()] : undefined));
  const byLayer = new Map<string, number>();
  for (const { name } of chosen) {
    const ratio = own.get(name) ?? ratios.all;
    if (ratio === undefined)
      throw new InputError('BAD_ARGUMENT', `--layers names '${name}', but no --ratio applies to it: add one`);
    byLayer.set(name, ratio);
  }
  const outside = [...own.keys()].find((name) => !byLayer.has(name));
  if (outside !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `--ratio names '${outside}', which --layers leaves out: add it there`,
    );
  return byLayer;
}
