import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readResultFolder } from '../../src/report/report-folder.js';
import { temporaryFolder } from '../data/data-files.js';
import { sampleResults } from './sample-results.js';

test('results and recipe are read, with a byte order mark or without', async () => {
  const results = sampleResults();
  const recipe = { $schema: '', command: 'sweep', layers: ['a,b'] };
  const folder = temporaryFolder();
  for (const mark of ['', '\uFEFF']) {
    writeFileSync(join(folder, 'results.json'), mark + JSON.stringify(results));
    writeFileSync(join(folder, 'recipe.json'), mark + JSON.stringify(recipe));
    expect(await readResultFolder(folder)).toEqual({ results, recipe });
  }
});
