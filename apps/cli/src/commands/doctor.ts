import { Command } from 'commander';
import { type Finding, findings } from '../doctor/findings.js';
import { colours } from '../terminal/colours.js';
import { formatTable, printJson, printLine } from '../terminal/output.js';
import { version } from '../version.js';

const PAINT: Readonly<Record<Finding['status'], (text: string) => string>> = {
  ok: colours.green,
  optional: colours.yellow,
  missing: colours.red,
};

/** `spherize doctor`: what is installed, what is missing and how to get it. Exit code 1 when something needed is missing. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what is installed, what is missing and how to get it')
    .option('--json', 'print one JSON document on stdout and nothing else')
    .option('--verbose', 'say more on stderr, with stack traces')
    .action(async (options: { json?: true }) => {
      const found = await findings();
      const sound = found.every(({ status }) => status !== 'missing');
      if (!sound) process.exitCode = 1;
      if (options.json) {
        printJson({ version, sound, findings: found });
        return;
      }
      const table = formatTable(
        [`spherize ${version}`, '', 'found', 'how to get it'],
        found.map(({ name, status, detail, remedy = '' }) => [name, status, detail, remedy]),
      );
      printLine(
        table.replace(/(?<=^\S.*? {2})(ok|optional|missing)(?= {2})/gm, (status) =>
          PAINT[status as Finding['status']](status),
        ),
      );
    });
}
