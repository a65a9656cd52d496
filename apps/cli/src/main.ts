import { createProgram } from './program.js';
import { exitCodeFor, reportError } from './terminal/failure.js';

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCodeFor(error);
  reportError(error, process.argv.includes('--verbose'));
}
