/**
 * What `--clusterer` takes: a built-in name, a package or a path, and behind a colon options of that clusterer's own, as in
 * `spherical:scale=projected,algorithm=lloyd`. A recipe may say the same as `{ "name": …, "options": { … } }`.
 */
import { type ClustererOptionValues, InputError } from '@spherize/core';
import { optionsText } from '@spherize/core/sweep';
import { splitList } from './list-text.js';
import type { ListValue } from './parse.js';

/** A clusterer with options of its own that were given. */
export interface NamedOptions {
  readonly name: string;
  readonly options: ClustererOptionValues;
}

/** A name alone where no option was given. */
export type ClustererChoice = string | NamedOptions;

/** Only a colon with `key=` behind it begins options, and no value holds a colon or a slash: paths and scopes stay whole. */
const WITH_OPTIONS = /^(.+?):([a-z][\w-]*=[^:/\\]*)$/i;
const KEY_AND_VALUE = /^\s*([a-z][\w-]*)=(.*?)\s*$/i;

/** @throws InputError `BAD_ARGUMENT` for options that are not `key=value` */
export function parseClusterer(flag: string, text: string): ClustererChoice {
  const [, name, list] = WITH_OPTIONS.exec(text.trim()) ?? [];
  if (name === undefined || list === undefined) return text.trim();
  const options = list.split(',').map((item): [string, string | number | boolean] => {
    const [, key, value] = KEY_AND_VALUE.exec(item) ?? [];
    if (key === undefined || value === undefined)
      throw new InputError('BAD_ARGUMENT', `${flag}: expected key=value behind '${name}:', got '${item}'`);
    return [key, typedValue(value)];
  });
  const twice = options.find(([key], i) => options.findIndex(([other]) => other === key) < i);
  if (twice)
    throw new InputError('BAD_ARGUMENT', `${flag}: '${name}' is given '${twice[0]}' twice: leave one`);
  return { name, options: Object.fromEntries(options) };
}

/** The value of `--clusterer`: a text, or an object of a recipe, which is taken as it is. */
export function clustererValue(flag: string, value: string | NamedOptions): ClustererChoice {
  return typeof value === 'string' ? parseClusterer(flag, value) : plainChoice(value);
}

/** The value of `--clusterers`: a text of several separated by commas, or a list of a recipe. */
export function clustererValues(flag: string, list: ListValue): ClustererChoice[] {
  const items = (typeof list === 'string' ? splitList(flag, list) : list) as (string | NamedOptions)[];
  const choices = items.map((item) => clustererValue(flag, item));
  choices.forEach((choice, i) => {
    // The rest of `leader:a=1,b=2` without its quotes.
    if (typeof choice === 'string' && KEY_AND_VALUE.test(choice) && typeof choices[i - 1] === 'object')
      throw new InputError(
        'BAD_ARGUMENT',
        `${flag}: '${choice}' is no clusterer: put one with several options into quotes, as in "${choiceText(choices[i - 1]!)},${choice}"`,
      );
  });
  return choices;
}

/** Whether a value of a recipe is a clusterer with options of its own. */
export function isNamedOptions(value: unknown): value is NamedOptions {
  if (typeof value !== 'object' || value === null) return false;
  const { name, options = {}, ...others } = value as Partial<NamedOptions>;
  return (
    typeof name === 'string' &&
    typeof options === 'object' &&
    options !== null &&
    !Array.isArray(options) &&
    Object.values(options).every((item) => ['string', 'number', 'boolean'].includes(typeof item)) &&
    Object.keys(others).length === 0
  );
}

export function nameOf(choice: ClustererChoice): string {
  return typeof choice === 'string' ? choice : choice.name;
}

/** A choice as the command line has it. */
export function choiceText(choice: ClustererChoice): string {
  if (typeof choice === 'string') return choice;
  const options = optionsText(choice.options);
  return options === '' ? choice.name : `${choice.name}:${options}`;
}

/** `name` stays an object where the text would be taken apart. */
function plainChoice({ name, options = {} }: NamedOptions): ClustererChoice {
  return Object.keys(options).length === 0 && !WITH_OPTIONS.test(name) ? name : { name, options };
}

function typedValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
