/** Uses packages as somebody does who has nothing but them: installed from their files, outside of this workspace. */
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runDocument } from '../documentation/run-document.mjs';
import { run } from './run.mjs';

/** How far the installed size in a README may lie from the measured one: dependencies and platforms differ a little. */
const SIZE_TOLERANCE = 0.15;

/** Examples that use Node's own modules need their types, as every project for Node has them. */
const NODE_TYPES = realpathSync(fileURLToPath(new URL('../../node_modules/@types/node', import.meta.url)));

/**
 * Makes an empty project and installs one package from its file, with the other files at hand for what it depends on.
 *
 * @param {{ name: string, version: string, manifest: object, tarball: string }[]} packed all packages
 * @returns the project's folder, and the size of all that came in
 */
export function installOutside(name, packed) {
  const project = mkdtempSync(join(tmpdir(), 'spherize-trial-'));
  const file = (wanted) => `file:${packed.find((candidate) => candidate.name === wanted).tarball}`;
  const overrides = Object.fromEntries(
    packed.filter((other) => other.name !== name).map((other) => [other.name, file(other.name)]),
  );
  const manifest = {
    name: 'trial',
    private: true,
    type: 'module',
    dependencies: { [name]: file(name) },
    overrides,
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  // No install script may need the network; onnxruntime's would fetch CUDA libraries.
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  run('npm', ['install', ...flags], project, { ONNXRUNTIME_NODE_INSTALL: 'skip' });
  return { project, bytes: sizeOf(join(project, 'node_modules')) };
}

/** Runs a package's README in its project, with the files of `fixtures` and the types of Node beside it. */
export function tryReadme(name, project, fixtures) {
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  symlinkSync(NODE_TYPES, join(project, 'node_modules/@types/node'));
  cpSync(fixtures, project, { recursive: true });
  return runDocument(join(project, 'node_modules', name, 'README.md'), project, { checkLibraries: true });
}

/** @returns what is wrong with the installed size that a README states, or undefined */
export function sizeProblem(name, project, bytes) {
  const readme = readFileSync(join(project, 'node_modules', name, 'README.md'), 'utf8');
  const [, stated] = /installed size[^0-9]*([\d.,]+) MB/i.exec(readme) ?? [];
  const measured = bytes / 1e6;
  const difference = Math.abs(Number(stated) - measured);
  if (difference <= Math.max(SIZE_TOLERANCE * measured, 0.1)) return undefined;
  return `${name}: its README states an installed size of ${stated} MB, it is ${measured.toFixed(1)} MB`;
}

function sizeOf(path) {
  const found = lstatSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, entry) => sum + sizeOf(join(path, entry)), 0);
}
