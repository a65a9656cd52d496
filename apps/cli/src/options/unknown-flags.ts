import type { Command } from 'commander';

/**
 * Refuses flags that a command does not have, with the nearest one that it has. Commander does so too, but only once no
 * required flag is missing, and a mistyped required flag is both.
 *
 * @param words the command line without the program
 * @param program a program of its own: it is tried on the words
 * @throws CommanderError
 */
export function refuseUnknownFlags(words: readonly string[], program: Command): void {
  const at = words.findIndex((word) => !word.startsWith('-'));
  const command = program.commands.find((candidate) => candidate.name() === words[at]);
  if (!command || words.some((word) => word === '--help' || word === '-h')) return;
  const [flag] = command.parseOptions(words.slice(at + 1)).unknown;
  if (flag?.startsWith('-')) (command as Command & { unknownOption(flag: string): void }).unknownOption(flag);
}
