import { InputError } from '../errors.js';

/**
 * The names of a model's classes from a text with one a line, in the model's order.
 *
 * @param source what a message calls the text, such as the file that holds it
 * @throws InputError `BAD_FILE` when the text has no name, an empty line between names, or a name twice
 */
export function parseClassNames(text: string, source: string): string[] {
  const names = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const refuse = (why: string) =>
    new InputError('BAD_FILE', `${source}: ${why}; expected one class name a line, in the model's order`);
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    if (name === '') throw refuse(`line ${i + 1} is empty`);
    const before = seen.get(name);
    if (before !== undefined) throw refuse(`lines ${before + 1} and ${i + 1} both say '${name}'`);
    seen.set(name, i);
  }
  return names;
}
