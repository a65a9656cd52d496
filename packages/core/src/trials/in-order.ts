/**
 * Starts tasks in order, at most `ahead` of them before the first one not yet taken, and yields their results in order.
 *
 * @param ahead how many may run at once, at least 1
 */
export async function* inOrder<T>(tasks: Iterable<() => Promise<T>>, ahead: number): AsyncGenerator<T> {
  const running: Promise<T>[] = [];
  for (const start of tasks) {
    const task = start();
    // A failure is reported when its turn comes.
    task.catch(() => {});
    running.push(task);
    if (running.length >= ahead) yield await running.shift()!;
  }
  for (const task of running) yield await task;
}
