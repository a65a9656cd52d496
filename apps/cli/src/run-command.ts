import { refuseUnknownFlags } from './options/unknown-flags.js';
import { inspectFirst } from './plugins/model-first.js';
import { createProgram } from './program.js';
import { followRecipe } from './recipe/follow-recipe.js';
import { exitCodeFor, reportError } from './terminal/failure.js';

/**
 * Runs one command line as a shell would have it: what goes wrong is one line on stderr, and sets the exit code.
 *
 * @param typed the words after `spherize`
 */
export async function runCommand(typed: readonly string[]): Promise<void> {
  try {
    if (typed.length === 0) return void createProgram().outputHelp();
    const tried = createProgram();
    const meant = await inspectFirst(typed, tried);
    refuseUnknownFlags(meant, tried);
    const { words, program } = await followRecipe(meant, createProgram);
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeFor(error);
    reportError(error, typed.includes('--verbose'));
  }
}
