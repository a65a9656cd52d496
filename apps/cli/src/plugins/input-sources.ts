import { InputError, type InputSource, Registry } from '@spherize/core';
import { importFromWorkingFolder } from './import-module.js';

const sources: Registry<InputSource> = new Registry('input source', [], isInputSource);

function isInputSource(value: unknown): value is InputSource {
  const candidate = value as Partial<InputSource> | null | undefined;
  return (
    typeof candidate === 'object' &&
    typeof candidate?.name === 'string' &&
    typeof candidate.batches === 'function'
  );
}

/**
 * The input source of a module, by package name or path.
 *
 * @returns undefined where there is no such module
 * @throws InputError `BAD_PLUGIN` for a module that does not load or exports none
 */
export async function inputSource(specifier: string): Promise<InputSource | undefined> {
  try {
    return await sources.find(specifier, importFromWorkingFolder);
  } catch (error) {
    if (error instanceof InputError && error.code === 'UNKNOWN_NAME') return undefined;
    throw error;
  }
}
