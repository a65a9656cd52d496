import { join } from 'node:path';
import { writeFileAtomically } from '../files/atomic-write.js';
import { accuracySpecification, renderSvg } from './plot.js';
import { resultsCsv, type SweepResults } from './results.js';

/** Writes `results.json`, `results.csv` and `accuracy.svg` into a folder and returns their paths. */
export async function writeResults(folder: string, results: SweepResults): Promise<string[]> {
  const files = {
    'results.json': `${JSON.stringify(results, null, 2)}\n`,
    'results.csv': resultsCsv(results),
    'accuracy.svg': await renderSvg(accuracySpecification(results)),
  };
  const paths: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await writeFileAtomically(path, content);
    paths.push(path);
  }
  return paths;
}
