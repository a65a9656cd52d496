import { planFold, selectLayers, sparsityOf } from '@spherize/core';
import { Command } from 'commander';
import {
  addCommonOptions,
  addDequantizeOption,
  addFormatOption,
  type CommonOptions,
  type DequantizeOption,
  type FormatOptions,
} from '../options/shared.js';
import { openModel } from '../plugins/model-formats.js';
import { formatTable, percent, printJson, printLine } from '../terminal/output.js';
import { visible } from '../terminal/visible.js';

/** `spherize inspect MODEL`: the fully connected layers and how their scales fold. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('list the fully connected layers of a model and how their scales fold')
    .argument('<model>', 'model file, or the name of an embedded model');
  return addCommonOptions(addDequantizeOption(addFormatOption(command))).action(
    async (source: string, options: CommonOptions & DequantizeOption & FormatOptions) => {
      const { model } = await openModel(source, options.format, options);
      const layers = selectLayers(model).map((layer) => {
        const { scaleInto, orderInto, reason } = planFold(model.graph, layer.input, layer.inputs);
        const { name, outputs, inputs, gatheredBy } = layer;
        const gather = orderInto === null && gatheredBy ? `; gathered by ${gatheredBy}` : '';
        return {
          name,
          outputs,
          inputs,
          sparsity: sparsityOf(model.weights(name)),
          fold: { into: scaleInto, reason: `${reason}${gather}` },
        };
      });
      if (options.json) {
        printJson({ layers, skipped: model.skipped });
        return;
      }
      const rows = layers.map(({ name, outputs, inputs, sparsity, fold }) => [
        name,
        String(outputs),
        String(inputs),
        percent(sparsity, 1),
        fold.into ?? '–',
        fold.reason,
      ]);
      printLine(formatTable(['layer', 'outputs', 'inputs', 'sparsity', 'folds into', 'how'], rows));
      for (const { name, reason } of model.skipped)
        printLine(visible(`not compressible: ${name}: ${reason}`));
    },
  );
}
