/** Runs in a process of its own: one session, one sample, and what that took. */
import { openModel } from '../plugins/model-formats.js';
import { generateInputs } from '../proof/generated-inputs.js';

/** What the process sends back. */
export type SessionMemoryReport = { readonly growth: number } | { readonly error: string };

const [path, seed, format] = process.argv.slice(2) as [string, string, string | undefined];
let report: SessionMemoryReport;
try {
  const { model } = await openModel(path, format);
  const inputs = generateInputs(model.inputs, 1, Number(seed));
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
