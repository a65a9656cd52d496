/** SHA-256 of files and of numbers in memory: to tell whether an input is still the same. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

const HASH = 'sha256';
/** Bytes hashed at a time, below the 2 GiB that one call takes. */
const CHUNK = 2 ** 28;

/** Collects contents into one digest of 64 hex digits. */
export class Digest {
  readonly #hash: Hash = createHash(HASH);

  text(content: string): this {
    // With its length, so that two texts do not run into each other.
    this.#hash.update(`${Buffer.byteLength(content)}:${content}`);
    return this;
  }

  numbers(values: ArrayBufferView): this {
    for (let start = 0; start < values.byteLength; start += CHUNK) {
      const length = Math.min(CHUNK, values.byteLength - start);
      this.#hash.update(new Uint8Array(values.buffer, values.byteOffset + start, length));
    }
    return this;
  }

  async file(path: string): Promise<this> {
    await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), async (chunks) => {
      for await (const chunk of chunks) this.#hash.update(chunk as Buffer);
    });
    return this;
  }

  end(): string {
    return this.#hash.digest('hex');
  }
}
