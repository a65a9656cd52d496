/** Why work was given up: the signal that asked for it. */
export class Interrupted extends Error {
  override readonly name = 'AbortError';

  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
  }
}

/** Runs work with a signal that Ctrl-C or a polite kill aborts. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (signal: 'SIGINT' | 'SIGTERM'): void => controller.abort(new Interrupted(signal));
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  try {
    return await work(controller.signal);
  } catch (error) {
    // What a library throws for an aborted signal need not carry the reason.
    if (controller.signal.aborted && error instanceof Error && error.name === 'AbortError')
      throw controller.signal.reason;
    throw error;
  } finally {
    process.off('SIGINT', abort);
    process.off('SIGTERM', abort);
  }
}
