import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { isEmbeddedModel } from '../embedded/embedded-model.js';

/**
 * Reads `spherize MODEL` as `spherize inspect MODEL`, where the first word is no command but a model.
 *
 * @param words the command line without the program
 */
export async function inspectFirst(words: readonly string[], program: Command): Promise<readonly string[]> {
  const [first] = words;
  if (first === undefined || first.startsWith('-') || first === 'help') return words;
  if (program.commands.some((command) => command.name() === first)) return words;
  const found = isEmbeddedModel(first) || (await stat(first).catch(() => undefined))?.isFile();
  return found ? ['inspect', ...words] : words;
}
