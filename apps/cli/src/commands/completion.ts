import { Command } from 'commander';
import { completionScript, SHELLS } from '../completion/completion-script.js';
import { parseChoice } from '../options/parse.js';

/** `spherize completion SHELL`: the script that completes commands and flags. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands and flags in a shell')
    .argument('<shell>', SHELLS.join(', '))
    .action((shell: string, _options: unknown, command: Command) => {
      process.stdout.write(completionScript(command.parent!, parseChoice('shell', shell, SHELLS)));
    });
}
