import { parseClassNames } from '@spherize/core/evaluation';
import type { ClassNames } from './dataset.js';
import { readInputFile } from './input-file.js';

/**
 * Reads the names of a model's classes, one a line in the model's order.
 *
 * @throws InputError when the file is missing, and as `parseClassNames` does
 */
export async function readClassNames(path: string): Promise<ClassNames> {
  const text = (await readInputFile(path)).toString('utf8');
  return { path, names: parseClassNames(text, `--classes ${path}`) };
}
