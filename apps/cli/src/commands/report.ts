import { join } from 'node:path';
import { replaceFile } from '@spherize/files';
import { Command } from 'commander';
import { accuracySpecification, renderSvg } from '../report/plot.js';
import { readResultFolder } from '../report/report-folder.js';
import { reportPage } from '../report/report-page.js';
import { printJson, printLine } from '../terminal/output.js';
import { addCommonOptions, type CommonOptions } from './shared-options.js';

/** `spherize report DIR`: makes a sweep's report again from its results. */
export function reportCommand(): Command {
  return addCommonOptions(
    new Command('report')
      .description('make report.html and accuracy.svg again from the results of a sweep')
      .argument('<folder>', 'the --out folder of a sweep'),
  ).action(async (folder: string, options: CommonOptions) => {
    const { results, recipe } = await readResultFolder(folder);
    const report = join(folder, 'report.html');
    const figure = join(folder, 'accuracy.svg');
    await replaceFile(report, await reportPage(results, recipe));
    await replaceFile(figure, await renderSvg(accuracySpecification(results)));
    if (options.json) printJson({ report, figure });
    else printLine(`${report}\n${figure}`);
  });
}
