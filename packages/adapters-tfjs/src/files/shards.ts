/** How weights lie in shards: bytes one after the other, in files of at most 4 MB. */
import type { WeightSpec, Weights } from '../artifacts/weights.js';

/** What the TensorFlow.js converter takes. */
export const SHARD_BYTES: number = 4 * 2 ** 20;

export interface ShardPlan {
  readonly specs: readonly WeightSpec[];
  /** Pieces of weights that make up each shard, in order. */
  readonly shards: readonly (readonly Uint8Array[])[];
}

export function planShards(weights: Weights): ShardPlan {
  const shards: Uint8Array[][] = [];
  let free = 0;
  for (const { bytes } of weights.values()) {
    for (let at = 0; at < bytes.length; ) {
      if (free === 0) {
        shards.push([]);
        free = SHARD_BYTES;
      }
      const piece = bytes.subarray(at, at + free);
      shards.at(-1)!.push(piece);
      at += piece.length;
      free -= piece.length;
    }
  }
  return { specs: [...weights.values()].map(({ spec }) => spec), shards };
}

/** `group1-shard1of3.bin`, …, as the converter calls them. */
export function shardNames({ length }: ShardPlan['shards']): string[] {
  return Array.from({ length }, (_, i) => `group1-shard${i + 1}of${length}.bin`);
}
