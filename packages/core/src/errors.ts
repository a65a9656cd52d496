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

/** What else is known about a wrong input. */
export interface InputErrorOptions extends ErrorOptions {
  /** The option of the called function that is wrong, by its name. */
  readonly option?: string | undefined;
}

/** A wrong input, explained in one line. Where an option is wrong, the line begins with its name. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code: InputErrorCode;
  /** The option of the called function that is wrong; undefined when it is something else. */
  readonly option: string | undefined;
  /** The message without the option's name, for those who call the option otherwise. */
  readonly reason: string;

  constructor(code: InputErrorCode, reason: string, { option, ...options }: InputErrorOptions = {}) {
    super(option === undefined ? reason : `${option}: ${reason}`, options);
    this.code = code;
    this.option = option;
    this.reason = reason;
  }
}
