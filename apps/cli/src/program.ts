import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { alexnetCommand } from './commands/alexnet.js';
import { benchCommand } from './commands/bench.js';
import { compressCommand } from './commands/compress.js';
import { evaluateCommand } from './commands/evaluate.js';
import { inspectCommand } from './commands/inspect.js';
import { sweepCommand } from './commands/sweep.js';

/** The `spherize` command with all its subcommands. Errors are thrown, never printed here. */
export function createProgram(): Command {
  const { version, description } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string; description: string };
  const program = new Command('spherize').description(description).version(version);
  for (const command of [
    inspectCommand(),
    compressCommand(),
    evaluateCommand(),
    benchCommand(),
    sweepCommand(),
    alexnetCommand(),
  ]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .showSuggestionAfterError();
  }
  return program;
}
