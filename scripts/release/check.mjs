/** What has to hold of every package file: each check returns the problems it found, one line each. */
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import ts from 'typescript';
import { codeBlocks } from '../documentation/code-blocks.mjs';

/** A package without code: nothing in it is imported. */
const isDataOnly = (manifest) => manifest.types === undefined && !hasTypes(manifest.exports);

function hasTypes(exported) {
  if (typeof exported !== 'object' || exported === null) return false;
  return 'types' in exported || Object.values(exported).some(hasTypes);
}

/** @param {{ tarball: string }} packed @returns {Promise<string[]>} */
export async function problemsOf({ tarball }) {
  const bytes = readFileSync(tarball);
  const archive = createPackageFromTarballData(bytes);
  const root = `/node_modules/${archive.packageName}`;
  const files = archive.listFiles().map((path) => path.slice(root.length + 1));
  const read = (file) => archive.readFile(`${root}/${file}`);
  const manifest = JSON.parse(read('package.json'));
  return [
    ...(await publintProblems(bytes)),
    ...(isDataOnly(manifest) ? [] : await typeProblems(archive)),
    ...dependencyProblems(manifest, files, read),
    ...readmeProblems(manifest, read),
    ...contentProblems(manifest, files, read),
  ];
}

async function publintProblems(bytes) {
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  return messages
    .filter(({ type }) => type !== 'suggestion')
    .map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

/** Are the types wrong? ESM only: what CommonJS makes of the package does not count. Old resolvers must find the types, whatever they make of the code. */
async function typeProblems(archive) {
  const analysis = await checkPackage(archive);
  if (!analysis.types) return ['the package has exports with types, but no types'];
  return analysis.problems
    .filter(({ resolutionKind, kind }) =>
      resolutionKind === 'node10'
        ? kind === 'NoResolution' || kind === 'UntypedResolution'
        : resolutionKind !== 'node16-cjs' && kind !== 'CJSResolvesToESM',
    )
    .map((problem) => `are the types wrong: ${JSON.stringify(problem)}`);
}

/** Every import is a dependency, and every dependency is imported. */
function dependencyProblems(manifest, files, read) {
  const modules = files.filter((name) => /\.(js|mjs|d\.ts)$/.test(name));
  const used = new Set(modules.flatMap((file) => packagesIn(read(file))));
  used.delete(manifest.name);
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  return [
    ...[...used]
      .filter((name) => !declared.includes(name))
      .map((name) => `imports ${name}, which it does not depend on`),
    ...declared.filter((name) => !used.has(name)).map((name) => `depends on ${name}, but never imports it`),
  ];
}

/** Names of the packages that a module imports or looks up: `import.meta.resolve('name/file')`. */
function packagesIn(source) {
  const imported = ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName);
  const resolved = [...source.matchAll(/import\.meta\.resolve\([`'"]([^`'"]+)/g)].map(([, name]) => name);
  return [...imported, ...resolved]
    .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
    .map((specifier) =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/'),
    );
}

/** What the README shows needs no other package than this one and those that come with it. */
function readmeProblems(manifest, read) {
  const there = [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })];
  const shown = codeBlocks(read('README.md')).filter(({ language }) => ['ts', 'js'].includes(language));
  return [...new Set(shown.flatMap(({ code }) => packagesIn(code)))]
    .filter((name) => !there.includes(name))
    .map((name) => `README.md imports ${name}, which does not come with the package`);
}

/** Licence, statements about where it runs, and nothing left over from an earlier build or bound to this workspace. */
function contentProblems(manifest, files, read) {
  const problems = [];
  const need = (condition, problem) => condition || problems.push(problem);
  need(manifest.license === 'MIT' && files.includes('LICENSE'), 'no MIT licence in the package');
  need(manifest.engines?.node, 'package.json does not say which Node it needs');
  need(manifest.type === 'module', 'the package is not ESM');
  need(!JSON.stringify(manifest.dependencies ?? {}).includes('workspace:'), 'depends on a workspace path');
  need(files.includes('README.md'), 'no README.md');
  need(files.includes('CHANGELOG.md'), 'no CHANGELOG.md');
  const readme = read('README.md');
  need(!/\]\(\.\.\//.test(readme), 'README.md links to files outside of the package');
  need(/install(ed)? size/i.test(readme), 'README.md does not say the installed size');
  const sources = new Set(
    files.filter((name) => name.startsWith('src/')).map((name) => name.replace(/\.ts$/, '')),
  );
  if (sources.size > 0) {
    for (const file of files.filter((name) => /^dist\/.*\.js$/.test(name))) {
      need(
        sources.has(file.replace(/^dist/, 'src').replace(/\.js$/, '')),
        `${file} is left over from an earlier build: delete dist and build again`,
      );
    }
  }
  return problems;
}
