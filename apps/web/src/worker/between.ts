/**
 * Values between two neighbours of a table, on the line through them; those of its ends beyond.
 *
 * @param table by growing `keyOf`, at least one row
 */
export function between<Row>(
  table: readonly Row[],
  keyOf: (row: Row) => number,
  key: number,
): (valueIn: (row: Row) => number) => number {
  const end = table.findIndex((row) => keyOf(row) >= key);
  const after = end < 0 ? table.at(-1)! : table[end]!;
  const before = table[end - 1] ?? after;
  const span = keyOf(after) - keyOf(before);
  const share = span === 0 ? 1 : (key - keyOf(before)) / span;
  return (valueIn) => valueIn(before) + share * (valueIn(after) - valueIn(before));
}
