/** What TensorFlow.js says when it does not take a model, in one line with what to do. */
import { InputError } from '@spherize/core';

/** TensorFlow.js' own words, and what they mean. */
const KNOWN: readonly (readonly [RegExp, (name: string, backend: string) => string])[] = [
  [
    /^Unknown layer: ([^.]+)\./,
    (name) =>
      `it has no layer class ${name}; register the class with tf.serialization.registerClass and call the library, or replace its ` +
      'layers by those that TensorFlow.js has',
  ],
  [
    /Unknown op '([^']+)'/,
    (name) =>
      `it has no operation ${name}; register it with registerOp of @tensorflow/tfjs-converter and call the library, or convert the ` +
      'model without it',
  ],
  [
    /'([^']+)' (?:not yet implemented or not found in the registry|not registered for backend)/,
    (name, backend) =>
      `its backend ${backend} has no kernel ${name}; install @tensorflow/tfjs-node, whose backend has more of them, or convert the ` +
      'model without this operation',
  ],
];

/**
 * The error as users read it; one of this package's own stays as it is.
 *
 * @param backend what runs the model, such as `wasm`
 * @returns `UNSUPPORTED` for what TensorFlow.js does not have, `BAD_FILE` for all else
 */
export function refusal(what: 'load' | 'run', backend: string, cause: unknown): InputError {
  if (cause instanceof InputError) return cause;
  const [message = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1);
  for (const [pattern, meaning] of KNOWN) {
    const [, name] = pattern.exec(message) ?? [];
    if (name !== undefined) {
      const text = `TensorFlow.js cannot ${what} the model: ${meaning(name, backend)}`;
      return new InputError('UNSUPPORTED', text, { cause });
    }
  }
  const remedy =
    what === 'load' ? 'save or convert it again' : 'give inputs of its shapes, or save or convert it again';
  return new InputError('BAD_FILE', `TensorFlow.js cannot ${what} the model: ${message}; ${remedy}`, {
    cause,
  });
}
