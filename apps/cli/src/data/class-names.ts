import { InputError } from '@spherize/core';
import type { ClassNames } from './dataset.js';
import { readInputFile } from './input-file.js';

/**
 * Reads the names of a model's classes, one a line in the model's order.
 *
 * @throws InputError when the file is missing, has no name, an empty line between names, or a name twice
 */
export async function readClassNames(path: string): Promise<ClassNames> {
  const text = (await readInputFile(path)).toString('utf8').replace(/^\uFEFF/, '');
  const names = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const refuse = (why: string) =>
    new InputError(
      'BAD_FILE',
      `--classes ${path}: ${why}; expected one class name a line, in the model's order`,
    );
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    if (name === '') throw refuse(`line ${i + 1} is empty`);
    const before = seen.get(name);
    if (before !== undefined) throw refuse(`lines ${before + 1} and ${i + 1} both say '${name}'`);
    seen.set(name, i);
  }
  return { path, names };
}
