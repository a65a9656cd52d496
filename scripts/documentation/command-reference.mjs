/** The commands' own help as a Markdown document. */
import { createProgram } from '../../apps/cli/dist/program.js';

/** Width of a help text, whatever the terminal is. */
const COLUMNS = 100;

export function commandReference() {
  const program = createProgram();
  const sections = program.commands.map((command) => {
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => COLUMNS });
    command.outputHelp();
    return `## ${command.name()}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
  });
  return `# Commands\n\n${program.description()}\n\n${sections.join('\n')}`;
}
