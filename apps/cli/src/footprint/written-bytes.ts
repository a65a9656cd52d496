import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Model } from '@spherize/core';
import { temporaryFolder } from '@spherize/files';

/** Bytes of a model's files, found by writing them elsewhere. */
export async function writtenBytes(model: Model, output: string): Promise<number> {
  const folder = await temporaryFolder('spherize-size-');
  try {
    return await model.write(join(folder, basename(output)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
