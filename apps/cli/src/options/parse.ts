/** Turns the texts of command-line options into values; what is wrong is named with what was expected. */
import { InputError } from '@spherize/core';

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

/** A number in [0, 1). */
export function parseShare(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= 0 && value < 1))
    throw new InputError('BAD_ARGUMENT', `${name}: expected a number in [0, 1), got '${text}'`);
  return value;
}

/** Comma-separated values, each parsed by `parse`. */
export function parseList<T>(text: string, parse: (item: string) => T): T[] {
  return text.split(',').map((item) => parse(item.trim()));
}

/** The value of an option that only allows some words. */
export function parseChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined)
    throw new InputError('BAD_ARGUMENT', `${name}: expected ${choices.join(' or ')}, got '${text}'`);
  return found;
}

/** `--ratio 0.5`, `--ratio fc6=0.5`, repeated or separated by commas: one ratio for all layers, or one by layer. */
export function parseRatios(texts: readonly string[]): {
  all: number | undefined;
  byLayer: Map<string, number>;
} {
  let all: number | undefined;
  const byLayer = new Map<string, number>();
  for (const text of texts.flatMap((item) => item.split(','))) {
    const at = text.lastIndexOf('=');
    if (at < 0) all = parseShare('--ratio', text);
    else byLayer.set(text.slice(0, at), parseShare(`--ratio ${text.slice(0, at)}`, text.slice(at + 1)));
  }
  return { all, byLayer };
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
