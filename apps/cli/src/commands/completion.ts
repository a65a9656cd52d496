import { findWidths, InputError } from '@spherize/core';
import { Command } from 'commander';
import { completionScript } from '../completion/completion-script.js';
import { SHELLS } from '../completion/values.js';
import { listItem } from '../options/list-text.js';
import { parseChoice } from '../options/parse.js';
import { openModel } from '../plugins/model-formats.js';
import { printLine } from '../terminal/output.js';
import { visible } from '../terminal/visible.js';

/** What the scripts ask for where a layer may stand. */
const LAYERS = 'layers';

/** `spherize completion SHELL`: the script that completes commands and flags; `completion layers MODEL` is what it calls. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands, flags, their values and layers in a shell')
    .argument(
      '<shell>',
      `${SHELLS.join(', ')}; or ${LAYERS}, for the names of a model's layers and widths, one a line`,
    )
    .argument('[model]', `the model file, after ${LAYERS}`)
    .action(async (shell: string, model: string | undefined, _options: unknown, command: Command) => {
      if (shell === LAYERS && model !== undefined) {
        for (const word of await layerWords(model)) printLine(word);
        return;
      }
      if (model !== undefined) {
        throw new InputError(
          'BAD_ARGUMENT',
          `completion: a model stands after '${LAYERS}', not after '${shell}'`,
        );
      }
      process.stdout.write(completionScript(command.parent!, parseChoice('shell', shell, SHELLS)));
    });
}

/** The layers and widths of a model as `--layers` and `--ratio` take them, but for names that no terminal shows as they are. */
async function layerWords(source: string): Promise<string[]> {
  const { model } = await openModel(source);
  const widths = model.features === undefined ? [] : findWidths(model.graph).widths;
  const narrower = widths.filter(({ reason }) => reason === undefined);
  const names = new Set([...model.layers, ...narrower].map(({ name }) => name));
  return [...names].map(listItem).filter((word) => visible(word) === word);
}
