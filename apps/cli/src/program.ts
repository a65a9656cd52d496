import { Command } from 'commander';
import { alexnetCommand } from './commands/alexnet.js';
import { benchCommand } from './commands/bench.js';
import { completionCommand } from './commands/completion.js';
import { compressCommand } from './commands/compress.js';
import { doctorCommand } from './commands/doctor.js';
import { evaluateCommand } from './commands/evaluate.js';
import { inspectCommand } from './commands/inspect.js';
import { mergeCommand } from './commands/merge.js';
import { reportCommand } from './commands/report.js';
import { scanCommand } from './commands/scan.js';
import { sweepCommand } from './commands/sweep.js';
import { recordFlags, takesClusterers } from './recipe/recipe.js';
import { clustererText } from './terminal/clusterer-help.js';
import { examplesText } from './terminal/help-examples.js';
import { description, version } from './version.js';

/** The `spherize` command with all its subcommands. Errors are thrown, never printed here. */
export function createProgram(): Command {
  const program = new Command('spherize').description(description).version(version);
  for (const command of [
    inspectCommand(),
    compressCommand(),
    evaluateCommand(),
    benchCommand(),
    scanCommand(),
    sweepCommand(),
    mergeCommand(),
    reportCommand(),
    alexnetCommand(),
    doctorCommand(),
    completionCommand(),
  ]) {
    program.addCommand(command);
    if (command.options.some(takesClusterers)) command.addHelpText('after', clustererText());
    command.addHelpText('after', examplesText(command.name()));
    recordFlags(command);
  }
  program.addHelpText('after', examplesText());
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .showSuggestionAfterError();
  }
  return program;
}
