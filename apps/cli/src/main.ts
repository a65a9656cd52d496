import { createProgram } from './program.js';
import { followRecipe } from './recipe/follow-recipe.js';
import { exitCodeFor, reportError } from './terminal/failure.js';

try {
  const words = await followRecipe(process.argv.slice(2), createProgram);
  await createProgram().parseAsync(words, { from: 'user' });
} catch (error) {
  process.exitCode = exitCodeFor(error);
  reportError(error, process.argv.includes('--verbose'));
}
