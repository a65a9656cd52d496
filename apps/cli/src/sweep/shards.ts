import { InputError } from '@spherize/core';

/** Part `index` of `count`, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** @throws InputError unless the text is `i/n` with 1 ≤ i ≤ n */
export function parseShard(text: string): Shard {
  const [, index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  if (index === undefined || count === undefined || index < 1 || index > count) {
    throw new InputError(
      'BAD_ARGUMENT',
      `--shard: expected i/n with i from 1 to n, such as 2/5, got '${text}'`,
    );
  }
  return { index, count };
}

/** `2/5`. */
export function shardName({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * The settings `[start, end)` of a shard. They are neighbours, because neighbours share their Gram matrices; shards differ
 * by one setting at most.
 */
export function shardRange(settings: number, shard: Shard | undefined): { start: number; end: number } {
  const { index, count } = shard ?? { index: 1, count: 1 };
  return {
    start: Math.floor(((index - 1) * settings) / count),
    end: Math.floor((index * settings) / count),
  };
}
