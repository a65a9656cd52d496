/** Recipes: what the flags of a run say, as JSON. A run writes the one it followed, and `--config` follows one. */
import { join, parse } from 'node:path';
import type { Command, Option } from 'commander';

/** The command and, by long name, its arguments and flags. */
export interface Recipe {
  readonly $schema: string;
  readonly command: string;
  readonly [name: string]: unknown;
}

/** Flags that say how to run, not what: they are in no recipe. */
const NOT_RECORDED = new Set(['json', 'verbose', 'config', 'restart', 'help']);

/** Names that stand for arguments, not for flags, in every command. */
const ARGUMENTS = new Set(['model', 'compressed', 'folders', 'folder']);

/** Where editors find the schema of recipes. */
export const SCHEMA_URL = 'https://unpkg.com/spherize/dist/recipe.schema.json';

/** The flags of a command that a recipe may hold. */
export function recipeOptions(command: Command): Option[] {
  return command.options.filter((option) => !NOT_RECORDED.has(option.name()));
}

/** What users typed after each flag, by command. */
const typed = new WeakMap<Command, Map<string, string[]>>();

/** Makes a command remember what was typed after its flags. */
export function recordFlags(command: Command): void {
  const texts = new Map<string, string[]>();
  typed.set(command, texts);
  for (const option of recipeOptions(command)) {
    command.on(`option:${option.name()}`, (text?: string | null) => {
      texts.set(option.name(), [...(texts.get(option.name()) ?? []), text ?? '']);
    });
  }
}

/** The recipe that a command follows: its arguments, its flags, and the defaults of those that were not given. */
export function effectiveRecipe(command: Command): Recipe {
  const entries = command.registeredArguments.map((argument, i): [string, unknown] => [
    argument.name(),
    command.processedArgs[i],
  ]);
  for (const option of recipeOptions(command)) {
    const value = command.getOptionValue(option.attributeName());
    const texts = typed.get(command)?.get(option.name());
    if (texts !== undefined) entries.push([option.name(), fromTexts(texts, option, Array.isArray(value))]);
    // A default that depends on the machine is no part of a recipe.
    else if (value !== undefined && option.defaultValueDescription === undefined)
      entries.push([option.name(), value]);
  }
  return { $schema: SCHEMA_URL, command: command.name(), ...Object.fromEntries(entries) };
}

function fromTexts(texts: readonly string[], option: Option, isList: boolean): unknown {
  if (!option.required && !option.optional) return true;
  if (isList) return texts.flatMap((text) => text.split(',')).map(plainValue);
  return plainValue(texts.at(-1)!);
}

/** A number where the text is how that number is written. */
function plainValue(text: string): number | string {
  const trimmed = text.trim();
  return trimmed !== '' && String(Number(trimmed)) === trimmed ? Number(trimmed) : trimmed;
}

/** One value of a recipe as the words of a command line. */
export function recipeWords(name: string, value: unknown): string[] {
  if (value === false || value === null || value === undefined) return [];
  if (value === true) return [`--${name}`];
  return [`--${name}=${valueText(value)}`];
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(',');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, item]) => `${key}=${item}`)
      .join(',');
  return String(value);
}

/** Where the recipe of an output file goes: `half.onnx` has `half.recipe.json` beside it. */
export function recipePath(output: string): string {
  const { dir, name } = parse(output);
  return join(dir, `${name}.recipe.json`);
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

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
