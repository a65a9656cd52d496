/** Reading JSON of unknown making: every accessor says what it expected where. */
import { badModel } from './bad-model.js';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws InputError `BAD_FILE` unless the value is an object */
export function asObject(value: unknown, what: string): JsonObject {
  if (isObject(value)) return value;
  throw badModel(`${what} is ${kindOf(value)}, expected an object`);
}

/** @throws InputError `BAD_FILE` unless the value is a list */
export function asArray(value: unknown, what: string): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw badModel(`${what} is ${kindOf(value)}, expected a list`);
}

/** @throws InputError `BAD_FILE` unless the value is a text */
export function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw badModel(`${what} is ${kindOf(value)}, expected a text`);
}

/** A whole number of at least 0, or undefined for anything else. */
export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
