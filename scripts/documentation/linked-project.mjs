/** A project that sees the packages of this workspace as if they were installed, for running documents in folders of it. */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { publishedPackages } from '../release/packages.mjs';

/** @returns the project's folder */
export function linkedProject(root) {
  const project = mkdtempSync(join(tmpdir(), 'spherize-documents-'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const link = (target, name) => {
    const path = join(project, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  };
  for (const { name, folder } of publishedPackages(root)) link(folder, name);
  link(join(root, 'node_modules/@types/node'), '@types/node');
  // What runs models in pages.
  link(join(root, 'apps/web/node_modules/onnxruntime-web'), 'onnxruntime-web');
  link(join(root, 'apps/cli/bin/spherize.js'), '.bin/spherize');
  return project;
}
