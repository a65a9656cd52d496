/** Recipes: what the flags of a run say, as JSON. A run writes the one it followed, and `--config` follows one. */
import { join, parse } from 'node:path';
import { derivedName } from '@spherize/files';
import type { Command, Option } from 'commander';
import { choiceText, isNamedOptions } from '../options/clusterer-choice.js';
import { listItem, splitList } from '../options/list-text.js';
import { recordedRatios } from '../options/parse.js';

/** The command and, by long name, its arguments and flags. */
export interface Recipe {
  readonly $schema: string;
  readonly command: string;
  readonly [name: string]: unknown;
}

/** Flags that say how to run, not what: they are in no recipe. */
const NOT_RECORDED = new Set(['json', 'verbose', 'wide', 'report', 'config', 'restart', 'help']);

/** Names that stand for arguments, not for flags, in every command. */
const ARGUMENTS = new Set(['model', 'compressed', 'folders', 'folder']);

/** Where editors find the schema of recipes. */
export const SCHEMA_URL = 'https://unpkg.com/spherize/dist/recipe.schema.json';

/** The flags of a command that a recipe may hold. */
export function recipeOptions(command: Command): Option[] {
  return command.options.filter((option) => !NOT_RECORDED.has(option.name()));
}

/** Options that take several values, by the word that stands after the flag. */
const LIST_WORDS = new Set(['list', 'names', 'values', 'sizes', 'ratio', 'clusterers']);

/** The word after a flag: `n` in `--seed <n>`. */
export function valueWord(option: Option): string | undefined {
  return /<(\w+)>/.exec(option.flags)?.[1];
}

/** Whether an option takes several values. */
export function takesList(option: Option): boolean {
  return LIST_WORDS.has(valueWord(option) ?? '');
}

/** Whether an option takes values by layer. */
export function takesLayers(option: Option): boolean {
  return valueWord(option) === 'ratio';
}

/** Whether an option takes clusterers, which may have options of their own. */
export function takesClusterers(option: Option): boolean {
  return ['clusterer', 'clusterers'].includes(valueWord(option) ?? '');
}

/** What was given for each flag, on the command line or in a recipe, by command. */
const given = new WeakMap<Command, Map<string, unknown>>();

/** Makes a command remember what is typed after its flags. */
export function recordFlags(command: Command): void {
  const values = new Map<string, unknown>();
  given.set(command, values);
  for (const option of recipeOptions(command)) {
    command.on(`option:${option.name()}`, (text?: string | null) => {
      values.set(option.name(), typedValue(option, text ?? ''));
    });
  }
}

/** Gives an option a list or an object of a recipe, as it is. */
export function followValue(command: Command, option: Option, value: unknown): void {
  const parse = option.parseArg as unknown as (value: unknown, previous: undefined) => unknown;
  command.setOptionValueWithSource(option.attributeName(), parse(value, undefined), 'config');
  given.get(command)?.set(option.name(), value);
}

/** The recipe that a command follows: its arguments, its flags, and the defaults of those that were not given. */
export function effectiveRecipe(command: Command): Recipe {
  const entries = command.registeredArguments.map((argument, i): [string, unknown] => [
    argument.name(),
    command.processedArgs[i],
  ]);
  for (const option of recipeOptions(command)) {
    const value = command.getOptionValue(option.attributeName());
    const values = given.get(command);
    if (value === undefined) continue;
    if (takesLayers(option)) entries.push([option.name(), recordedRatios(value)]);
    else if (takesClusterers(option)) entries.push([option.name(), value]);
    else if (values?.has(option.name())) entries.push([option.name(), values.get(option.name())]);
    // A default that depends on the machine is no part of a recipe.
    else if (option.defaultValueDescription === undefined) entries.push([option.name(), value]);
  }
  return { $schema: SCHEMA_URL, command: command.name(), ...Object.fromEntries(entries) };
}

function typedValue(option: Option, text: string): unknown {
  if (!option.required && !option.optional) return true;
  return takesList(option) ? splitList(`--${option.name()}`, text).map(plainValue) : plainValue(text.trim());
}

/** A number where the text is how that number is written. */
function plainValue(text: string): number | string {
  return text !== '' && String(Number(text)) === text ? Number(text) : text;
}

/** One value of a recipe as the words of a command line. */
export function recipeWords(name: string, value: unknown): string[] {
  if (value === false || value === null || value === undefined) return [];
  if (value === true) return [`--${name}`];
  return [`--${name}=${typeof value === 'object' ? listText(value) : value}`];
}

function listText(value: object): string {
  if (isNamedOptions(value)) return choiceText(value);
  if (!Array.isArray(value))
    return Object.entries(value)
      .map(([key, item]) => `${listItem(key)}=${item}`)
      .join(',');
  return value
    .map((item) => {
      if (isNamedOptions(item)) return listItem(choiceText(item));
      return typeof item === 'object' ? listText(item) : listItem(String(item));
    })
    .join(',');
}

/** Where the recipe of an output file goes: `half.onnx` has `half.recipe.json` beside it. */
export function recipePath(output: string): string {
  const { dir, name } = parse(output);
  return join(dir, derivedName(name, '.recipe.json'));
}

/** A recipe as it is written. */
export function recipeText(recipe: Recipe): string {
  return `${JSON.stringify(recipe, null, 2)}\n`;
}

/** The command line that follows a recipe, for a POSIX shell. */
export function recipeCommandLine({ $schema, command, ...values }: Recipe): string {
  const words = Object.entries(values).flatMap(([name, value]) =>
    ARGUMENTS.has(name) ? [value].flat().map(String) : recipeWords(name, value),
  );
  return ['spherize', command, ...words].map(shellWord).join(' ');
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
