/**
 * The one error family of Spherize.
 *
 * An `InputError` means that something handed in is wrong: a file, an option, a shape. Its message is one line
 * that says what was found, where, and what was expected. Anything else that is thrown is a fault of the program.
 */

/** Stable codes, to be matched on instead of the message. */
export type InputErrorCode =
  | 'BAD_ARGUMENT'
  | 'BAD_FILE'
  | 'BAD_MATRIX'
  | 'BAD_PLUGIN'
  | 'NOT_FOUND'
  | 'UNKNOWN_NAME'
  | 'UNSUPPORTED';

/** A wrong input, explained in one line. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
