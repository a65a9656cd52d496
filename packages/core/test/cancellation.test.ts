import { expect, test } from 'vitest';
import { Pause } from '../src/index.js';

test('a pause throws the reason of its signal, at once or at the next point', async () => {
  const reason = new Error('enough');
  expect(() => new Pause(AbortSignal.abort(reason))).toThrow(reason);
  const controller = new AbortController();
  const pause = new Pause(controller.signal);
  await pause.point();
  controller.abort(reason);
  await expect(pause.point()).rejects.toBe(reason);
});

test('a signal that is raised by a timer arrives in a computation that never waits', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const pause = new Pause(controller.signal);
  setTimeout(() => controller.abort(reason), 0);
  const busy = async (): Promise<never> => {
    for (;;) await pause.point();
  };
  await expect(busy()).rejects.toBe(reason);
});

test('no signal, no end', async () => {
  await new Pause(undefined).point();
});
