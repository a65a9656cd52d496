/**
 * Values between two neighbours of a table, on the line through them; beyond its ends, on the last such line.
 *
 * @param table by growing `keyOf`, at least one row
 */
export function between<Row>(
  table: readonly Row[],
  keyOf: (row: Row) => number,
  key: number,
): (valueIn: (row: Row) => number) => number {
  const reached = table.findIndex((row) => keyOf(row) >= key);
  const end = reached < 0 ? table.length - 1 : Math.max(1, reached);
  const after = table[end] ?? table[0]!;
  const before = table[end - 1] ?? after;
  const span = keyOf(after) - keyOf(before);
  const share = span === 0 ? 1 : (key - keyOf(before)) / span;
  return (valueIn) => valueIn(before) + share * (valueIn(after) - valueIn(before));
}
