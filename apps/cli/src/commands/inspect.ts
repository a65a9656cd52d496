import { foldsOf, groupSkipped, keepsColumns, sparsityOf } from '@spherize/core';
import { Command } from 'commander';
import { openModel } from '../plugins/model-formats.js';
import { formatTable, percent, printJson, printLine } from '../terminal/output.js';
import { skippedTable } from '../terminal/skipped-table.js';
import { visible } from '../terminal/visible.js';
import {
  addCommonOptions,
  addDequantizeOption,
  addFormatOption,
  type CommonOptions,
  type DequantizeOption,
  type FormatOptions,
} from './shared-options.js';

/** `spherize inspect MODEL`: the fully connected layers and how their scales fold. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('list the fully connected layers of a model and how their scales fold')
    .argument('<model>', 'model file, or the name of an embedded model');
  return addCommonOptions(addDequantizeOption(addFormatOption(command))).action(
    async (source: string, options: CommonOptions & DequantizeOption & FormatOptions) => {
      const { model } = await openModel(source, options.format, options);
      const layers = model.layers.map((layer) => {
        const { name, outputs, inputs } = layer;
        const { scaleInto, reason } = foldsOf(model).get(name)!;
        const kept = keepsColumns(layer);
        return {
          name,
          outputs,
          inputs,
          parameters: outputs * inputs + (model.bias(name)?.length ?? 0),
          sparsity: sparsityOf(model.weights(name)),
          fold: { into: scaleInto, reason: kept === undefined ? reason : `${reason}; ${kept}` },
        };
      });
      if (options.json) {
        const notes = model.notes ?? [];
        printJson({
          parameters: model.parameters,
          layers,
          skipped: model.skipped,
          ...(notes.length > 0 && { notes }),
        });
        return;
      }
      const groups = groupSkipped(model.skipped);
      if (layers.length === 0) {
        const held = groups.length === 0 ? 'it holds no weights' : 'this is where its weights are:';
        printLine(`nothing to compress: no fully connected layer of the model can be; ${held}`);
      }
      const rows = layers.map(({ name, outputs, inputs, sparsity, fold }) => [
        name,
        String(outputs),
        String(inputs),
        percent(sparsity, 1),
        fold.into ?? '–',
        fold.reason,
      ]);
      if (rows.length > 0) {
        printLine(formatTable(['layer', 'outputs', 'inputs', 'sparsity', 'folds into', 'how'], rows));
      }
      if (groups.length > 0) {
        printLine(`\n${skippedTable(groups)}`);
      }
      for (const note of model.notes ?? []) printLine(visible(`note: ${note}`));
    },
  );
}
