/**
 * Runs many commands one after the other in one process, as `main.js` would run each: reads lists of arguments as JSON from its
 * first argument, and prints what each left as JSON.
 */
import { createProgram } from '../../dist/program.js';
import { exitCodeFor, reportError } from '../../dist/terminal/failure.js';

const write = { out: process.stdout.write, err: process.stderr.write };
const runs = [];
for (const args of JSON.parse(process.argv[2])) {
  const run = { code: 0, stdout: '', stderr: '' };
  process.stdout.write = (text) => {
    run.stdout += text;
    return true;
  };
  process.stderr.write = (text) => {
    run.stderr += text;
    return true;
  };
  try {
    await createProgram().parseAsync(['node', 'spherize', ...args]);
  } catch (error) {
    run.code = exitCodeFor(error);
    reportError(error, false);
  }
  process.stdout.write = write.out;
  process.stderr.write = write.err;
  runs.push(run);
}
process.stdout.write(JSON.stringify(runs));
