/**
 * How far a task is, in four bytes that its thread and the one that waits for it share: Node aborts the whole process
 * with a thread that is ended while it loads modules.
 */
export type TaskStage = Int32Array<SharedArrayBuffer>;

const WAITING = 0;
const LOADING = 1;
const COMPUTING = 2;
const CANCELLED = 3;

export function taskStage(): TaskStage {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** The thread is about to load modules. @returns false if the task was cancelled before */
export function beginLoading(stage: TaskStage): boolean {
  return Atomics.compareExchange(stage, 0, WAITING, LOADING) === WAITING;
}

/** The thread has loaded what it needs, or will not need it. */
export function endLoading(stage: TaskStage): void {
  Atomics.store(stage, 0, COMPUTING);
  Atomics.notify(stage, 0);
}

/** Cancels a task that has not begun; of one that has, waits until its thread can be ended. */
export async function endable(stage: TaskStage): Promise<void> {
  if (Atomics.compareExchange(stage, 0, WAITING, CANCELLED) !== LOADING) return;
  await Atomics.waitAsync(stage, 0, LOADING).value;
}
