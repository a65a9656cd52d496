import { refuseUnknownFlags } from './options/unknown-flags.js';
import { createProgram } from './program.js';
import { followRecipe } from './recipe/follow-recipe.js';
import { exitCodeFor, reportError } from './terminal/failure.js';

try {
  const typed = process.argv.slice(2);
  refuseUnknownFlags(typed, createProgram());
  const { words, program } = await followRecipe(typed, createProgram);
  await program.parseAsync(words, { from: 'user' });
} catch (error) {
  process.exitCode = exitCodeFor(error);
  reportError(error, process.argv.includes('--verbose'));
}
