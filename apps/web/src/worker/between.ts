/**
 * Values between two neighbours of a table, on the line through them; those of its ends beyond.
 *
 * @param table by growing or falling `keyOf`, at least one row
 */
export function between<Row>(
  table: readonly Row[],
  keyOf: (row: Row) => number,
  key: number,
): (valueIn: (row: Row) => number) => number {
  const ascending = keyOf(table.at(-1)!) > keyOf(table[0]!) ? table : [...table].reverse();
  const end = ascending.findIndex((row) => keyOf(row) >= key);
  const after = end < 0 ? ascending.at(-1)! : ascending[end]!;
  const before = ascending[end - 1] ?? after;
  const span = keyOf(after) - keyOf(before);
  const share = span === 0 ? 1 : (key - keyOf(before)) / span;
  return (valueIn) => valueIn(before) + share * (valueIn(after) - valueIn(before));
}
