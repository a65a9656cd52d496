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
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTypes, writeBlocks } from '../documentation/run-document.mjs';
import { run } from './run.mjs';

/** How far the installed size in a README may lie from the measured one: dependencies and platforms differ a little. */
const SIZE_TOLERANCE = 0.15;

/** Examples that use Node's own modules need their types, as every project for Node has them. */
const NODE_TYPES = realpathSync(fileURLToPath(new URL('../../node_modules/@types/node', import.meta.url)));

/**
 * Makes an empty project and installs all packages from their files. What each of them needs, it brings: that it imports nothing that
 * it does not depend on is one of the checks of its file.
 *
 * @param {{ name: string, tarball: string }[]} packed
 * @returns the project's folder
 */
export function installOutside(packed) {
  const project = mkdtempSync(join(tmpdir(), 'spherize-trial-'));
  const dependencies = Object.fromEntries(packed.map(({ name, tarball }) => [name, `file:${tarball}`]));
  const manifest = { name: 'trial', private: true, type: 'module', dependencies };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  // No install script may need the network; onnxruntime's would fetch CUDA libraries.
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  run('npm', ['install', ...flags], project, { ONNXRUNTIME_NODE_INSTALL: 'skip' });
  return project;
}

/** @returns the bytes of a package in a project, with all that it depends on and nothing else */
export function installedBytes(name, project) {
  const lock = join(project, 'node_modules/.package-lock.json');
  const { packages } = JSON.parse(readFileSync(lock, 'utf8'));
  const needed = new Set();
  const walk = (wanted, from) => {
    const at = placeOf(wanted, from, packages);
    // Optional ones for other platforms are not there.
    if (at === undefined || needed.has(at)) return;
    needed.add(at);
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = packages[at];
    const peers = Object.keys(peerDependencies ?? {}).filter(
      (peer) => !peerDependenciesMeta?.[peer]?.optional,
    );
    for (const next of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers])
      walk(next, at);
  };
  walk(name, '');
  return [...needed].reduce((sum, at) => sum + sizeOf(join(project, at)), 0);
}

/** Where Node finds a package that another one imports: in its own node_modules, or in those of the folders above. */
function placeOf(wanted, from, packages) {
  for (let folder = from; ; folder = dirname(folder)) {
    const place =
      folder === '.' || folder === '' ? `node_modules/${wanted}` : `${folder}/node_modules/${wanted}`;
    if (packages[place]) return place;
    if (folder === '.' || folder === '') return undefined;
  }
}

/** Size of a folder without the packages in it. */
function sizeOf(path) {
  const found = lstatSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path)
    .filter((entry) => entry !== 'node_modules')
    .reduce((sum, entry) => sum + sizeOf(join(path, entry)), 0);
}

/**
 * Writes what the READMEs of packages show into the project, each into a folder of its own with the files of `fixtures`, and checks
 * its types and those of the packages.
 *
 * @returns for each package what `runBlocks` takes
 */
export function prepareReadmes(packed, project, fixtures) {
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  symlinkSync(NODE_TYPES, join(project, 'node_modules/@types/node'));
  const readmes = packed.map(({ name }) => {
    const folder = join(project, name.replace('/', '-'));
    cpSync(fixtures, folder, { recursive: true });
    return writeBlocks(join(project, 'node_modules', name, 'README.md'), folder);
  });
  checkTypes(readmes, { checkLibraries: true });
  return readmes;
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
