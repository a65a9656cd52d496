/** Clusterers as the command finds them, with options of their own. */
import {
  type Clusterer,
  type ClustererOptionValues,
  clusterers,
  optionTable,
  resolveOptions,
  withOptions,
} from '@spherize/core';
import { isNamedOption, type Method, NAMED_OPTIONS } from '@spherize/core/sweep';
import { type ClustererChoice, nameOf } from '../options/clusterer-choice.js';
import { importFromWorkingFolder } from './import-module.js';

/** `--algorithm` and `--scale`: short forms for the options of these names. */
export interface ShortForms {
  readonly algorithm: string;
  readonly scale: string;
}

/** A clusterer with its options, and how results and identities name it. */
export interface OpenClusterer {
  /** Built-in name, package or path. */
  readonly specifier: string;
  readonly clusterer: Clusterer;
  /** Its own, or what the short forms say where it has none. */
  readonly algorithm: string;
  readonly scale: string;
  /** Its other options, those that differ from their defaults. */
  readonly options: ClustererOptionValues;
}

/**
 * Finds a clusterer and gives it its options. A short form that is not at its default holds for a clusterer that has such an
 * option, unless that was given by name.
 *
 * @throws InputError as the registry does, and for an option that the clusterer does not take
 */
export async function openClusterer(choice: ClustererChoice, short: ShortForms): Promise<OpenClusterer> {
  const specifier = nameOf(choice);
  const found = await clusterers.find(specifier, importFromWorkingFolder);
  const table = optionTable(found);
  const meant = Object.entries(short).filter(
    ([name, value]) => Object.hasOwn(table, name) && value !== NAMED_OPTIONS[name]?.default,
  );
  const given = { ...Object.fromEntries(meant), ...(typeof choice === 'string' ? {} : choice.options) };
  const values = resolveOptions(found, given);
  const named = (name: keyof ShortForms): string =>
    isNamedOption(table, name) ? String(values[name]) : short[name];
  const others = Object.entries(values).filter(
    ([name, value]) => !isNamedOption(table, name) && value !== table[name]?.default,
  );
  return {
    specifier,
    clusterer: withOptions(found, given),
    algorithm: named('algorithm'),
    scale: named('scale'),
    options: Object.fromEntries(others),
  };
}

/** What settings say of a clusterer: what is as usual is left out. */
export function methodOf({ specifier, algorithm, scale, options }: OpenClusterer): Method {
  return {
    clusterer: specifier,
    algorithm,
    ...(scale !== NAMED_OPTIONS.scale?.default && { scale }),
    ...(Object.keys(options).length > 0 && { options }),
  };
}
