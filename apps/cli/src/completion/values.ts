/** What may stand after a flag, and in place of an argument, as far as it can be told before a command runs. */
import type { Command, Option } from 'commander';
import { DATASET_SPECS } from '../data/open-dataset.js';
import { EMBEDDED_MODELS } from '../embedded/embedded-model.js';
import { ChoiceOption } from '../options/choice-option.js';
import { takesClusterers, takesList, valueWord } from '../recipe/recipe.js';
import { clustererWords } from '../terminal/clusterer-help.js';

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/** Kinds of values, each of which a shell completes in a way of its own. */
export type Values =
  /** One of some words, or with `list` several, separated by commas. */
  | { readonly kind: 'words'; readonly words: readonly string[]; readonly list: boolean }
  /** A word, or a form such as `idx:` with files or a folder behind it. */
  | { readonly kind: 'data'; readonly words: readonly string[] }
  /** Layers and widths of the model on the line, separated by commas, each with this behind it. */
  | { readonly kind: 'layers'; readonly behind: '' | '=' }
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  /** Numbers, and names that nobody knows yet. */
  | { readonly kind: 'unknown' };

/** Words for values that are a path. */
const FILES = new Set(['file', 'path']);
const FOLDERS = new Set(['folder']);

/** What stands before the colon of data, and whether a folder follows or files. */
export const DATA_FORMS: ReadonlyMap<string, 'files' | 'folders'> = new Map(
  DATASET_SPECS.filter((form) => form.includes(':')).map((form) => [
    `${form.split(':')[0]}:`,
    form.endsWith(':DIR') ? 'folders' : 'files',
  ]),
);

/** Words for data, with the forms as far as their colon. */
const DATA_WORDS: readonly string[] = DATASET_SPECS.map((form) =>
  form.includes(':') ? `${form.split(':')[0]}:` : form,
);

/** The names of models that are no files. */
export const MODEL_WORDS: readonly string[] = EMBEDDED_MODELS.map(({ name }) => name);

export function valuesOf(option: Option): Values {
  const word = valueWord(option) ?? '';
  if (option.long === '--layers') return { kind: 'layers', behind: '' };
  if (option.long === '--ratio') return { kind: 'layers', behind: '=' };
  if (takesClusterers(option)) return { kind: 'words', words: clustererWords(), list: word === 'clusterers' };
  if (option instanceof ChoiceOption) {
    return word === 'data'
      ? { kind: 'data', words: [...DATA_WORDS, ...option.words] }
      : { kind: 'words', words: option.words, list: takesList(option) };
  }
  if (word === 'data') return { kind: 'data', words: DATA_WORDS };
  if (FILES.has(word)) return { kind: 'files' };
  if (FOLDERS.has(word)) return { kind: 'folders' };
  return { kind: 'unknown' };
}

/** What may stand in place of a command's arguments, flags apart. */
export function argumentWords(command: Command): readonly string[] {
  return command.registeredArguments.flatMap((argument) => {
    if (argument.name() === 'shell') return SHELLS;
    return argument.name() === 'model' && argument.required ? MODEL_WORDS : [];
  });
}

/** A flag that takes a value, and what may follow it. */
export interface ValueFlag {
  readonly command: Command;
  readonly option: Option;
  readonly values: Values;
}

/** All flags with values, of all commands. */
export function valueFlags(program: Command): ValueFlag[] {
  return program.commands.flatMap((command) =>
    command.options
      .filter(({ required }) => required)
      .map((option) => ({ command, option, values: valuesOf(option) })),
  );
}

/** As a flag is typed: long, and short where it has a short form. */
export function flagsOf({ long, short }: Option): string[] {
  return [long, short].filter((flag) => flag != null);
}

/** Flags that take a value, each once: what stands after one is no model. */
export function namesOfValueFlags(program: Command): string[] {
  return [...new Set(valueFlags(program).flatMap(({ option }) => flagsOf(option)))];
}
