/** What a sweep's results depend on. Two runs may share a journal only if all of it agrees. */

import type { SweepSetting } from '@spherize/core/sweep';
import { optionsText } from '@spherize/core/sweep';
import { Digest } from '../files/digest.js';
import { version } from '../version.js';

/** Values by the name under which they are reported, in the order in which they are compared. */
export type SweepIdentity = Readonly<Record<string, unknown>>;

export interface IdentityParts {
  /** The model's name, and its files. */
  readonly model: string;
  readonly files: readonly string[];
  /** The data's name and digest. */
  readonly data: string;
  readonly dataDigest: string;
  readonly settings: readonly SweepSetting[];
  /** Everything else that was chosen, by option. */
  readonly options: Readonly<Record<string, unknown>>;
}

export async function sweepIdentity(parts: IdentityParts): Promise<SweepIdentity> {
  const content = new Digest();
  for (const file of parts.files) await content.file(file);
  return {
    version,
    model: parts.model,
    'model content': content.end(),
    data: parts.data,
    ...plainValues(parts.options),
    'data content': parts.dataDigest,
    ...distinctValues(parts.settings),
    // Grids of equal values may still combine them otherwise.
    settings: new Digest().text(JSON.stringify(parts.settings)).end(),
  };
}

/** The names of what differs, each with both values unless it is a digest. */
export function identityDifferences(there: SweepIdentity, now: SweepIdentity): string[] {
  const differing = [...new Set([...Object.keys(there), ...Object.keys(now)])].filter(
    (key) => JSON.stringify(there[key]) !== JSON.stringify(now[key]),
  );
  // The digest of the settings adds nothing where their values differ already.
  const named = differing.filter((key) => key !== 'settings' || differing.length === 1);
  return named.map((key) =>
    key === 'settings' || key.endsWith('content')
      ? key
      : `${key} (${shown(there[key])} there, ${shown(now[key])} now)`,
  );
}

function distinctValues(settings: readonly SweepSetting[]): Record<string, unknown> {
  const keys = [...new Set(settings.flatMap((setting) => Object.keys(setting)))] as (keyof SweepSetting)[];
  return Object.fromEntries(
    keys.map((key) => [key, [...new Set(settings.map((setting) => plainText(setting[key])))]]),
  );
}

/** Options of clusterers as a text; everything else as it is. */
function plainText(value: SweepSetting[keyof SweepSetting]): unknown {
  return typeof value === 'object' ? optionsText(value) : value;
}

/** As they come back from JSON. */
function plainValues(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value ?? null]));
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'none';
  return Array.isArray(value) ? value.join(',') : String(value);
}
