import { Command } from 'commander';
import { makeResultFolder, requireResultFolder } from '../files/output-places.js';
import { effectiveRecipe } from '../recipe/recipe.js';
import { mergeShards } from '../sweep/merge-shards.js';
import { sweepTable } from '../sweep/table.js';
import { writeResults } from '../sweep/write-results.js';
import { printJson, printLine } from '../terminal/output.js';
import { addCommonOptions, type CommonOptions } from './shared-options.js';

interface MergeOptions extends CommonOptions {
  readonly out: string;
}

/** `spherize merge DIR… --out DIR`: the shards of a sweep, put together as if one run had measured them. */
export function mergeCommand(): Command {
  const definition = new Command('merge')
    .description('put the shards of a sweep together, as if one run had measured them')
    .argument('<folders...>', 'the --out folder of every shard')
    .requiredOption('--out <folder>', 'where results.json, report.html and the rest go');
  return addCommonOptions(definition).action(
    async (folders: string[], options: MergeOptions, command: Command) => {
      await requireResultFolder(options.out);
      const results = await mergeShards(folders);
      await makeResultFolder(options.out);
      const files = await writeResults(options.out, results, effectiveRecipe(command));
      if (options.json) {
        printJson(results);
        return;
      }
      printLine(sweepTable(results));
      printLine(`\n${files.join('\n')}`);
    },
  );
}
