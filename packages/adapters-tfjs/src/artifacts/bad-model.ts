import { InputError } from '@spherize/core';

/** What a file of a model that contradicts itself is refused with. */
export function badModel(what: string, cause?: unknown): InputError {
  return new InputError('BAD_FILE', `model.json: ${what}; save or convert the model again`, { cause });
}
