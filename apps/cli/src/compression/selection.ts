/** What names mean to each reduction. */
import {
  type FcLayer,
  type Model,
  namesOfBoth,
  type Reduction,
  selectBoth,
  selectLayers,
  selectWidths,
  type WidthsMeant,
} from '@spherize/core';

/** Layers or widths, by name or all. */
export type Selection = (names?: readonly string[]) => readonly { readonly name: string }[];

export function selectionFor(model: Model, reduce: Reduction, meant: WidthsMeant): Selection {
  if (reduce === 'columns') return (names) => selectLayers(model, names);
  if (reduce !== 'both') return (names) => selectWidths(model, names, meant);
  return (names) => namesOfBoth(model, selectBoth(model, names, meant)).map((name) => ({ name }));
}

/** Of what was selected, the layers whose columns are clustered. */
export function clusteredLayers(
  model: Model,
  reduce: Reduction,
  names: readonly string[],
): readonly FcLayer[] {
  if (reduce === 'columns') return selectLayers(model, names);
  return reduce === 'both' ? selectBoth(model, names).layers : [];
}
