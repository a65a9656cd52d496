/** Which of the bundled scripts are the page's own: all but those of onnxruntime-web and TensorFlow.js. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const RUNTIMES = /^(onnxruntime|tfjs)-[\w-]+\.js$/;

/** Scripts and style sheets, without the runtimes. */
export async function ownScripts(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => /\.(js|css)$/.test(name) && !RUNTIMES.test(name))
    .map((name) => join(folder, name));
}

/** Bytes of files after gzip, each on its own. */
export async function zippedSize(files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) bytes += gzipSync(await readFile(file)).length;
  return bytes;
}
