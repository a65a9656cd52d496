/**
 * Every n-th of some items, from the i-th on.
 *
 * @param {string} shard `i/n` with 1 ≤ i ≤ n
 */
export function shardOf(items, shard) {
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(shard) ?? []).map(Number);
  if (!(index >= 1 && index <= count))
    throw new Error(`--shard: expected i/n with i from 1 to n, such as 2/4, got '${shard}'`);
  return items.filter((_, i) => i % count === index - 1);
}
