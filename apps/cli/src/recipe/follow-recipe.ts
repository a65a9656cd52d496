import { readFile } from 'node:fs/promises';
import { InputError } from '@spherize/core';
import type { Command } from 'commander';
import { recipeOptions, recipeWords } from './recipe.js';

/**
 * Puts the recipe of `--config FILE` in place of the flags that were not given: what is on the command line wins.
 *
 * @param words the command line without the program
 * @param createProgram makes the program anew: it is tried on the words
 * @throws InputError for a file that is no recipe of the command
 */
export async function followRecipe(
  words: readonly string[],
  createProgram: () => Command,
): Promise<string[]> {
  const program = createProgram();
  const command = program.commands.find(
    (candidate) => words.find((word) => !word.startsWith('-')) === candidate.name(),
  );
  const at = words.indexOf(command?.name() ?? '');
  const path = command && configPath(words.slice(at + 1));
  if (!command || path === undefined) return [...words];
  const recipe = await readRecipe(path, command);
  const rest = words.slice(at + 1);
  const given = (name: string, short: string | undefined): boolean =>
    rest.some(
      (word) =>
        word === `--${name}` ||
        word.startsWith(`--${name}=`) ||
        (short !== undefined && word.startsWith(short)),
    );
  const flags = recipeOptions(command)
    .filter((option) => !given(option.name(), option.short))
    .flatMap((option) => recipeWords(option.name(), recipe[option.name()]));
  const { operands } = command.parseOptions([...rest]);
  const values = command.registeredArguments.flatMap((argument) =>
    [recipe[argument.name()] ?? []].flat().map(String),
  );
  return [...words.slice(0, at + 1), ...(operands.length > 0 ? [] : values), ...flags, ...rest];
}

function configPath(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === '--config' || word.startsWith('--config='));
  return at < 0 ? undefined : (/^--config=(.*)$/.exec(words[at]!)?.[1] ?? words[at + 1]);
}

async function readRecipe(path: string, command: Command): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new InputError('NOT_FOUND', `--config: '${path}' cannot be read: give a recipe file`, { cause });
  });
  let recipe: Record<string, unknown>;
  try {
    recipe = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InputError('BAD_FILE', `--config: '${path}' is not JSON: ${why}`, { cause });
  }
  if (typeof recipe !== 'object' || recipe === null || Array.isArray(recipe))
    throw new InputError('BAD_FILE', `--config: '${path}' must hold one JSON object`);
  if (recipe.command !== undefined && recipe.command !== command.name())
    throw new InputError(
      'BAD_ARGUMENT',
      `--config: '${path}' is a recipe of '${recipe.command}': use it with spherize ${recipe.command}`,
    );
  const known = [
    ...command.registeredArguments.map((argument) => argument.name()),
    ...recipeOptions(command).map((option) => option.name()),
  ];
  const unknown = Object.keys(recipe).find((name) => !['$schema', 'command', ...known].includes(name));
  if (unknown !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `--config: '${path}' has '${unknown}', expected one of ${known.join(', ')}`,
    );
  return recipe;
}
