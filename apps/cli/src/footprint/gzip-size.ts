import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** zlib's own default, and what most servers and package formats use. */
const LEVEL = 6;
const CHUNK = 2 ** 20;

/** Size of files after gzip, each on its own, in bytes. Streamed: memory stays small. */
export async function gzipSize(files: readonly string[], signal?: AbortSignal): Promise<number> {
  let total = 0;
  for (const file of files) {
    await pipeline(
      createReadStream(file, { highWaterMark: CHUNK }),
      createGzip({ level: LEVEL, chunkSize: CHUNK }),
      async (compressed) => {
        for await (const chunk of compressed as AsyncIterable<Uint8Array>) total += chunk.length;
      },
      signal ? { signal } : {},
    );
  }
  return total;
}
