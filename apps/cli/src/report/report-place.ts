import { mkdir } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { requireResultFolder, requireWritableFile } from '../files/output-places.js';

/**
 * Where the page of a run goes: the file itself where it is called `*.html`, else `report.html` in that folder.
 *
 * @throws InputError unless it can be written there; a folder may be missing inside one that is there
 */
export async function reportPlace(path: string): Promise<string> {
  if (extname(path).toLowerCase() === '.html') {
    await requireWritableFile(path);
    return path;
  }
  await requireResultFolder(path);
  return join(path, 'report.html');
}

/** Makes the folder that a page goes into. */
export async function makeReportFolder(place: string): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
}
