/** What the contract suites are made of: named checks that throw, for whatever test runner there is. */

/** One clause of a contract. */
export interface ContractCheck {
  /** What has to hold, as the rest of a sentence about the plug-in. */
  readonly name: string;
  /** Resolves when the clause holds, rejects with an error that says what was found instead. */
  readonly run: () => Promise<void>;
}

/** A number next to the one it has to agree with. */
export interface Tolerance {
  /** Largest difference, as a share of the largest expected magnitude (at least 1). */
  readonly relative: number;
}

/** @throws Error when the condition does not hold */
export function ensure(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** @throws Error that names the first position at which two sequences of numbers differ */
export function ensureEqual(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  ensure(
    actual.length === expected.length,
    `${what}: expected ${expected.length} values, got ${actual.length}`,
  );
  for (let i = 0; i < expected.length; i++) {
    ensure(
      Object.is(actual[i], expected[i]) || actual[i] === expected[i],
      `${what}: expected ${expected[i]} at position ${i}, got ${actual[i]}`,
    );
  }
}

/** float32 sums in another order, through a few layers. */
export const FLOAT32_SUMS: Tolerance = { relative: 1e-4 };

/** @throws Error that names the first position at which two sequences of numbers differ by more than the tolerance */
export function ensureClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
  what: string,
): void {
  ensure(
    actual.length === expected.length,
    `${what}: expected ${expected.length} values, got ${actual.length}`,
  );
  let magnitude = 1;
  for (let i = 0; i < expected.length; i++) magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    ensure(
      Math.abs(actual[i]! - expected[i]!) <= tolerance.relative * magnitude,
      `${what}: expected about ${expected[i]} at position ${i}, got ${actual[i]}`,
    );
  }
}

/**
 * Runs something that has to fail.
 *
 * @returns what it threw
 * @throws Error when it does not fail
 */
export async function failureOf(run: () => unknown, what: string): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: expected a failure, but it went through`);
}

/** @throws Error when running it does not fail with an `InputError` of one of these codes */
export async function ensureInputError(
  run: () => unknown,
  codes: readonly string[],
  what: string,
): Promise<void> {
  const error = await failureOf(run, what);
  // By name and code: a plug-in may have its own copy of this package.
  const { name, code, message } = Object(error) as { name?: string; code?: string; message?: string };
  ensure(
    name === 'InputError' && codes.includes(code ?? ''),
    `${what}: expected an InputError ${codes.join(' or ')}, got ${name} ${code}: ${message}`,
  );
  ensure(!message?.includes('\n'), `${what}: expected a message of one line, got ${message}`);
}
