import { join } from 'node:path';
import type { SweepResults } from '@spherize/core/sweep';
import { replaceFile } from '@spherize/files';
import { type Recipe, recipeText } from '../recipe/recipe.js';
import { accuracySpecification, renderSvg } from '../report/plot.js';
import { reportPage } from '../report/report-page.js';
import { resultsCsv } from './results-csv.js';

/**
 * Writes `results.json`, `results.csv`, `accuracy.svg`, `report.html` and `recipe.json` into a folder and returns their paths.
 *
 * @param recipe what the run followed
 */
export async function writeResults(folder: string, results: SweepResults, recipe: Recipe): Promise<string[]> {
  const files = {
    'results.json': `${JSON.stringify(results, null, 2)}\n`,
    'results.csv': resultsCsv(results),
    'accuracy.svg': await renderSvg(accuracySpecification(results)),
    'report.html': await reportPage(results, recipe),
    'recipe.json': recipeText(recipe),
  };
  const paths: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await replaceFile(path, content);
    paths.push(path);
  }
  return paths;
}
