/** Runs in a process of its own: one session, one sample, and what that took. */
import { randomInputs } from '@spherize/core/proof';
import { requireMemory } from '@spherize/files';
import { openModel } from '../plugins/model-formats.js';
import type { MeasuredSession } from './session-memory.js';

/** What the process sends back. */
export type SessionMemoryReport = { readonly growth: number } | { readonly error: string };

const { path, seed, format, inputs: sent, reach } = JSON.parse(process.argv[2]!) as MeasuredSession;
// JSON has null for what is left open.
const declared = sent.map(({ shape, axes, ...input }) => ({
  ...input,
  shape: shape.map((length) => length ?? undefined),
  ...(axes && { axes: axes.map((name) => name ?? undefined) }),
}));
let report: SessionMemoryReport;
try {
  const { model } = await openModel(path, format);
  const inputs = randomInputs(declared, 1, seed, { reach, requireMemory });
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const session = await model.session();
  await session.run(inputs);
  report = { growth: Math.max(0, process.memoryUsage.rss() - before) };
  await session.release();
} catch (error) {
  report = { error: error instanceof Error ? error.message : String(error) };
}
process.send?.(report);
process.disconnect?.();
