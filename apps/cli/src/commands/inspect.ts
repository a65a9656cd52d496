import {
  columnReaders,
  findWidths,
  foldsOf,
  groupSkipped,
  keepsColumns,
  type Model,
  offering,
  spanOf,
  sparsityOf,
  unreached,
  type Width,
} from '@spherize/core';
import { Command } from 'commander';
import { overview } from '../footprint/model-overview.js';
import { openModel } from '../plugins/model-formats.js';
import { shellWord } from '../recipe/recipe.js';
import { colours } from '../terminal/colours.js';
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

interface InspectOptions extends CommonOptions, DequantizeOption, FormatOptions {
  readonly wide?: true;
}

/** Rows of a table that are shown without `--wide`. */
const FEW = 12;

/** `spherize inspect MODEL`: the fully connected layers and the convolutions, their scales fold, and the widths that may become narrower. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('list what of a model can become smaller: layers and widths, and why the rest cannot')
    .argument('<model>', 'model file, or the name of an embedded model');
  command.option('--wide', 'list every layer, width and tensor, however many there are');
  return addCommonOptions(addDequantizeOption(addFormatOption(command))).action(
    async (source: string, options: InspectOptions) => {
      const { model, format, bytes } = await openModel(source, options.format, options);
      const offered = offering(model, model.convolutions?.layers ?? []);
      const layers = offered.layers.map((layer) => {
        const { name, outputs, inputs, window } = layer;
        // As a layer is compressed: convolutions that are not named are operations to it.
        const { scaleInto, reason } = foldsOf(window === undefined ? model : offered).get(name)!;
        const kept = keepsColumns(layer);
        return {
          name,
          outputs,
          inputs,
          kind: window === undefined ? 'product' : 'convolution',
          ...(window && { kernel: window.kernel }),
          parameters: outputs * spanOf(layer) * inputs + (offered.bias(name)?.length ?? 0),
          sparsity: sparsityOf(offered.weights(name)),
          fold: { into: scaleInto, reason: kept === undefined ? reason : `${reason}; ${kept}` },
        };
      });
      const widths = model.features === undefined ? [] : findWidths(model.graph).widths;
      const skipped = unreached(offered);
      if (options.json) {
        const notes = model.notes ?? [];
        printJson({
          parameters: model.parameters,
          layers,
          widths: widths.map((width) => widthFigures(model, width)),
          skipped,
          ...(notes.length > 0 && { notes }),
        });
        return;
      }
      const groups = groupSkipped(skipped);
      const few = (count: number): boolean => options.wide === true || count <= FEW;
      for (const [word, text] of await overview(source, format.name, model, bytes))
        printLine(`${colours.bold(word.padEnd(10))}${visible(text)}`);
      printLine();
      if (layers.length === 0 && widths.every(({ reason }) => reason !== undefined)) {
        const held = groups.length === 0 ? 'it holds no weights' : 'this is where its weights are:';
        printLine(`nothing to compress: no fully connected layer and no width of the model can be; ${held}`);
      }
      const rows = layers.map(({ name, outputs, inputs, kernel, sparsity, fold }) => [
        name,
        kernel === undefined ? String(outputs) : `${outputs} of ${kernel.join('×')}`,
        String(inputs),
        percent(sparsity, 1),
        fold.into ?? '–',
        fold.reason,
      ]);
      const shown = [rows.length, widths.length, groups.length].every(few);
      if (rows.length > 0 && few(rows.length))
        printLine(formatTable(['layer', 'outputs', 'inputs', 'sparsity', 'folds into', 'how'], rows));
      if (widths.length > 0 && few(widths.length)) printLine(`\n${widthTable(widths)}`);
      if (groups.length > 0 && few(groups.length)) printLine(`\n${skippedTable(groups)}`);
      for (const note of model.notes ?? []) printLine(visible(`note: ${note}`));
      if (!shown)
        printLine(
          `${rows.length} layers, ${widths.length} widths, ${groups.length} reasons why others stay: --wide lists them`,
        );
      if (layers.length > 0 || widths.some(({ reason }) => reason === undefined))
        printLine(`\nnext: spherize compress ${shellWord(source)}`);
    },
  );
}

/** What `--json` says of a width. */
function widthFigures(model: Model, width: Width): object {
  const { name, size, blocks, producers, consumers, operations, parameters, residual, reason } = width;
  // What `--reduce auto` weighs.
  const columns = columnReaders(model, width).length > 0 ? ['columns'] : [];
  const reductions = reason === undefined ? [...columns, 'neurons'] : [];
  return {
    name,
    size,
    blocks: blocks.length,
    producers,
    consumers,
    operations,
    parameters,
    residual,
    reductions,
    reason: reason ?? null,
  };
}

function widthTable(widths: readonly Width[]): string {
  const few = ([first = '–', ...others]: readonly string[]): string =>
    others.length === 0 ? first : `${first} and ${others.length} more`;
  return formatTable(
    ['width', 'features', 'parameters', 'made by', 'read by', 'may leave'],
    widths.map(({ name, size, blocks, parameters, producers, consumers, reason }) => [
      name,
      blocks.length === 1 ? String(size) : `${blocks.length} × ${size / blocks.length}`,
      String(parameters),
      few(producers),
      few(consumers),
      reason === undefined ? 'yes' : `no: ${reason}`,
    ]),
  );
}
