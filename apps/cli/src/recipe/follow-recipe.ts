import { readFile } from 'node:fs/promises';
import { InputError } from '@spherize/core';
import { decodeText } from '@spherize/files';
import type { Command, Option } from 'commander';
import { isNamedOptions } from '../options/clusterer-choice.js';
import {
  followValue,
  recipeOptions,
  recipeWords,
  takesClusterers,
  takesLayers,
  takesList,
} from './recipe.js';

/**
 * Puts the recipe of `--config FILE` in place of the flags that were not given: what is on the command line wins. Lists and objects
 * of the recipe are given to the program's options as they are; everything else becomes words.
 *
 * @param words the command line without the program
 * @param createProgram makes the program anew: it is tried on the words
 * @returns the words to parse, and the program to parse them with
 * @throws InputError for a file that is no recipe of the command
 */
export async function followRecipe(
  words: readonly string[],
  createProgram: () => Command,
): Promise<{ words: string[]; program: Command }> {
  const program = createProgram();
  const command = program.commands.find(
    (candidate) => words.find((word) => !word.startsWith('-')) === candidate.name(),
  );
  const at = words.indexOf(command?.name() ?? '');
  const path = command && configPath(words.slice(at + 1));
  if (!command || path === undefined) return { words: [...words], program: createProgram() };
  const recipe = await readRecipe(path, command);
  const rest = words.slice(at + 1);
  const given = (name: string, short: string | undefined): boolean =>
    rest.some(
      (word) =>
        word === `--${name}` ||
        word.startsWith(`--${name}=`) ||
        (short !== undefined && word.startsWith(short)),
    );
  const taken = recipeOptions(command).filter((option) => !given(option.name(), option.short));
  const structured = taken.filter((option) => isStructured(recipe[option.name()]));
  const flags = taken
    .filter((option) => !structured.includes(option))
    .flatMap((option) => recipeWords(option.name(), recipe[option.name()]));
  const { operands } = command.parseOptions([...rest]);
  const values = command.registeredArguments.flatMap((argument) =>
    [recipe[argument.name()] ?? []].flat().map(String),
  );
  const following = createProgram();
  const target = following.commands.find((candidate) => candidate.name() === command.name())!;
  for (const option of structured) {
    requireTaken(path, option, recipe[option.name()]);
    followValue(target, option, recipe[option.name()]);
  }
  return {
    words: [...words.slice(0, at + 1), ...(operands.length > 0 ? [] : values), ...flags, ...rest],
    program: following,
  };
}

function isStructured(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** @throws InputError `BAD_ARGUMENT` unless the option takes this list or object */
function requireTaken(path: string, option: Option, value: unknown): void {
  const byLayer = takesLayers(option);
  const withOptions = takesClusterers(option);
  const isPlain = (item: unknown): boolean => typeof item === 'string' || typeof item === 'number';
  const isByLayer = (item: unknown): boolean =>
    byLayer && isStructured(item) && !Array.isArray(item) && Object.values(item).every(isPlain);
  const isItem = (item: unknown): boolean =>
    isByLayer(item) || (withOptions && isNamedOptions(item)) || (isPlain(item) && Array.isArray(value));
  const isList = takesList(option);
  const items = isList && Array.isArray(value) ? value : [value];
  if ((isList || withOptions) && items.every(isItem) && Object.keys(value as object).length > 0) return;
  const expected = [
    isList ? 'a value or a list of values' : 'one value',
    ...(byLayer ? ['or an object of values by layer'] : []),
    ...(withOptions ? ['or { "name": …, "options": { … } } with single values as options'] : []),
  ].join(', ');
  throw new InputError(
    'BAD_ARGUMENT',
    `--config: '${path}' has ${JSON.stringify(value)} as '${option.name()}': expected ${expected}`,
  );
}

function configPath(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === '--config' || word.startsWith('--config='));
  return at < 0 ? undefined : (/^--config=(.*)$/.exec(words[at]!)?.[1] ?? words[at + 1]);
}

async function readRecipe(path: string, command: Command): Promise<Record<string, unknown>> {
  const content = await readFile(path).catch((cause) => {
    throw new InputError('NOT_FOUND', `--config: '${path}' cannot be read: give a recipe file`, { cause });
  });
  let recipe: Record<string, unknown>;
  try {
    recipe = JSON.parse(decodeText(content));
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
