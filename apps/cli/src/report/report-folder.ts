import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@spherize/core';
import type { SweepResults } from '@spherize/core/sweep';
import { decodeText } from '@spherize/files';
import type { Recipe } from '../recipe/recipe.js';

/**
 * What a sweep left in its folder.
 *
 * @throws InputError when the folder has no results, or something else under their name
 */
export async function readResultFolder(
  folder: string,
): Promise<{ results: SweepResults; recipe: Recipe | undefined }> {
  const results = await readJson<SweepResults>(join(folder, 'results.json'));
  if (results === undefined)
    throw new InputError(
      'NOT_FOUND',
      `'${folder}' has no results.json: give the --out folder of a finished sweep`,
    );
  const complete =
    Array.isArray(results.rows) &&
    Array.isArray(results.layers) &&
    Array.isArray(results.pruned) &&
    results.baseline;
  if (!complete || results.rows.length === 0)
    throw new InputError(
      'BAD_FILE',
      `${join(folder, 'results.json')} holds no results of a sweep: run it again`,
    );
  return { results, recipe: await readJson<Recipe>(join(folder, 'recipe.json')) };
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const content = await readFile(path).catch(() => undefined);
  if (content === undefined) return undefined;
  try {
    return JSON.parse(decodeText(content)) as T;
  } catch (cause) {
    throw new InputError('BAD_FILE', `${path} is not JSON: run the sweep again`, { cause });
  }
}
