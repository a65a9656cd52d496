/** Turns the texts of command-line options into values; what is wrong is named with what was expected. */
import { InputError } from '@spherize/core';
import { splitList } from './list-text.js';

export function parseNumber(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value))
    throw new InputError('BAD_ARGUMENT', `${name}: expected a number, got '${text}'`);
  return value;
}

/** A number above 0. */
export function parsePositive(name: string, text: string): number {
  const value = parseNumber(name, text);
  if (value <= 0) throw new InputError('BAD_ARGUMENT', `${name}: expected a number above 0, got '${text}'`);
  return value;
}

/** @param least the smallest value that is allowed */
export function parseInteger(name: string, text: string, least: number): number {
  const value = parseNumber(name, text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InputError(
      'BAD_ARGUMENT',
      `${name}: expected a whole number of at least ${least}, got '${text}'`,
    );
  }
  return value;
}

/** A whole number of either sign. */
export function parseWhole(name: string, text: string): number {
  const value = parseNumber(name, text);
  if (!Number.isSafeInteger(value))
    throw new InputError('BAD_ARGUMENT', `${name}: expected a whole number, got '${text}'`);
  return value;
}

/** A number in [0, 1). */
export function parseShare(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value < 1))
    throw new InputError('BAD_ARGUMENT', `${name}: expected a number in [0, 1), got '${text}'`);
  return value;
}

/** What an option of several values is given: a text of the command line, or a list of a recipe, whose items are not taken apart. */
export type ListValue = string | readonly unknown[];

/** Several values, each parsed by `parse`. */
export function parseList<T>(name: string, list: ListValue, parse: (item: string) => T): T[] {
  const items = typeof list === 'string' ? splitList(name, list) : list.map(String);
  return items.map((item) => parse(item));
}

/** The value of an option that only allows some words. */
export function parseChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw new InputError('BAD_ARGUMENT', `${name}: expected ${choices.join(' or ')}, got '${text}'`);
  return found;
}

/** A ratio for all layers, `LAYER=RATIO`, or an object of ratios by layer from a recipe. */
export type RatioItem = string | number | Readonly<Record<string, unknown>>;

/** The items of one `--ratio`: a text of the command line, or a list or an object of a recipe. */
export function ratioItems(value: ListValue | Readonly<Record<string, unknown>>): readonly RatioItem[] {
  if (typeof value === 'string') return splitList('--ratio', value);
  return (Array.isArray(value) ? value : [value]) as readonly RatioItem[];
}

/** `--ratio 0.5`, `--ratio fc6=0.5`, repeated or separated by commas: one ratio for all layers, or one by layer. */
export function parseRatios(items: readonly RatioItem[]): {
  all: number | undefined;
  byLayer: Map<string, number>;
} {
  let all: number | undefined;
  const byLayer = new Map<string, number>();
  for (const item of items) {
    const named = typeof item === 'object' ? Object.entries(item) : namedRatio(String(item));
    if (named === undefined) all = parseShare('--ratio', String(item));
    else for (const [name, ratio] of named) byLayer.set(name, parseShare(`--ratio ${name}`, String(ratio)));
  }
  return { all, byLayer };
}

/** A name may hold `=`: the last one is before the ratio. */
function namedRatio(text: string): [string, string][] | undefined {
  const at = text.lastIndexOf('=');
  return at < 0 ? undefined : [[text.slice(0, at), text.slice(at + 1)]];
}

/** Ratios as a recipe records them: a number, an object by layer, or both in a list. */
export function recordedRatios(items: readonly RatioItem[]): unknown {
  const { all, byLayer } = parseRatios(items);
  if (byLayer.size === 0) return all;
  const named = Object.fromEntries(byLayer);
  return all === undefined ? named : [all, named];
}

const SIZE = '(?:[1-9]\\d{0,14}|\\?)';
const SIZES = `${SIZE}(?:,${SIZE})*`;

/** The shape of one input as a user gives it; `undefined` leaves an axis free. */
export interface GivenShape {
  /** The input's name; the model's only one when left out. */
  readonly input: string | undefined;
  readonly shape: readonly (number | undefined)[];
}

/** `x=1,3,224,224`, several of them separated by commas, or the axes alone. A name may itself hold commas and equals signs. */
export function parseShapes(text: string): GivenShape[] {
  const compact = text.replace(/\s*,\s*/g, ',').trim();
  const shapeOf = (sizes: string) =>
    sizes.split(',').map((size) => (size === '?' ? undefined : Number(size)));
  if (new RegExp(`^${SIZES}$`).test(compact)) return [{ input: undefined, shape: shapeOf(compact) }];
  const shapes: GivenShape[] = [];
  let rest = compact;
  while (rest !== '') {
    const [whole, input, sizes] = new RegExp(`^(.+?)=(${SIZES})(?:,(?=.)|$)`).exec(rest) ?? [];
    if (whole === undefined || sizes === undefined)
      throw new InputError(
        'BAD_ARGUMENT',
        `--shape: expected NAME=1,3,224,224 with lengths of at least 1, or ? for a free axis, got '${text}'`,
      );
    shapes.push({ input, shape: shapeOf(sizes) });
    rest = rest.slice(whole.length);
  }
  if (shapes.length === 0) throw new InputError('BAD_ARGUMENT', "--shape: expected NAME=1,3,224,224, got ''");
  return shapes;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** A number of bytes: `800MB`, `1.5GiB`, or a plain number. */
export function parseBytes(name: string, text: string): number {
  const [, digits, unit] = /^\s*([\d.]+)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const factor = UNITS[(unit ?? '?').toUpperCase()];
  const value = Number(digits);
  if (factor === undefined || !(value > 0)) {
    throw new InputError('BAD_ARGUMENT', `${name}: expected a size such as 800MB or 2GiB, got '${text}'`);
  }
  return value * factor;
}
