/** The packages of the workspace that are published. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders whose subfolders are packages, and folders that are packages. */
const GROUPS = ['packages', 'apps'];
const SINGLE = ['models'];

/** @returns {{ name: string, version: string, folder: string, manifest: Record<string, any> }[]} */
export function publishedPackages(root) {
  const folders = [
    ...GROUPS.flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name))),
    ...SINGLE.map((name) => join(root, name)),
  ];
  return folders
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return { name: manifest.name, version: manifest.version, folder, manifest };
    })
    .filter(({ manifest }) => !manifest.private);
}
