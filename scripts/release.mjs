/**
 * Prepares a release, everything but publishing:
 *
 *     node scripts/release.mjs              raises the versions here, commits and tags them; the packages go to release/
 *     node scripts/release.mjs --dry-run    the same in a copy of the workspace, which is deleted afterwards
 *
 * In order: versions and changelogs from the changesets, the repository's address from the remote `origin`, a build, the package
 * files, what has to hold of them (publint, types, dependencies, contents), and a trial of all in an empty project outside of the
 * workspace. A clone that was not set up is set up first.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPackages } from './release/pack.mjs';
import { publishedPackages } from './release/packages.mjs';
import { repositoryOf, writeRepository } from './release/repository.mjs';
import { run } from './release/run.mjs';
import { applyChangesets, stageWorkspace } from './release/stage.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));
const flags = process.argv.slice(2);
const unknown = flags.find((flag) => flag !== '--dry-run');
if (unknown !== undefined) {
  process.stderr.write(`unknown '${unknown}'\nusage: node scripts/release.mjs [--dry-run]\n`);
  process.exit(2);
}
const dryRun = flags.includes('--dry-run');
const temporary = [];
const say = (text) => process.stdout.write(`${text}\n`);

try {
  await release();
} catch (error) {
  process.stderr.write(`release: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
}

async function release() {
  if (!isSetUp()) {
    say('setting up');
    run('npm', ['run', '--silent', 'setup'], here);
  }
  // What they import is there now.
  const { makeFixtures } = await import('./documentation/fixtures.mjs');
  const { problemsOf } = await import('./release/check.mjs');
  const { runBlocks } = await import('./documentation/run-document.mjs');
  const trial = await import('./release/trial.mjs');
  const address = repositoryOf(here);
  if (address === undefined && !dryRun)
    throw new Error(
      "the remote 'origin' is no address on the web, which package.json gives as repository: git remote add origin URL",
    );
  const root = dryRun ? stageWorkspace(here) : here;
  if (dryRun) temporary.push(root);
  else requireCleanTree();
  const before = new Map(publishedPackages(root).map(({ name, version }) => [name, version]));
  applyChangesets(root);
  for (const { name, version } of publishedPackages(root)) say(`${name} ${before.get(name)} → ${version}`);
  if (address !== undefined) writeRepository(root, address);
  say(
    address === undefined ? "no repository, homepage and bugs: 'origin' is no address on the web" : address,
  );
  // The copy takes what is built here: raising a version changes no code.
  if (!dryRun) run('npm', ['run', '--silent', 'setup'], root);
  const packed = packPackages(root, join(root, 'release'));
  const problems = [];
  for (const one of packed) {
    const found = await problemsOf(one);
    say(
      `${one.name}: ${(one.bytes / 1e6).toFixed(2)} MB packed, ${found.length === 0 ? 'checked' : `${found.length} problems`}`,
    );
    problems.push(...found.map((problem) => `${one.name}: ${problem}`));
  }
  if (problems.length > 0) throw new Error(`the packages are not fit to publish\n${problems.join('\n')}`);
  const fixtures = makeFixtures(here);
  temporary.push(fixtures);
  const project = trial.installOutside(packed);
  temporary.push(project);
  const readmes = trial.prepareReadmes(packed, project, fixtures);
  for (const [i, { name }] of packed.entries()) {
    const bytes = trial.installedBytes(name, project);
    const problem = trial.sizeProblem(name, project, bytes);
    if (problem) throw new Error(problem);
    const { run: blocks, exempt } = runBlocks(readmes[i]);
    say(
      `${name}: ${(bytes / 1e6).toFixed(1)} MB installed, ${blocks} blocks of its README run, ${exempt.length} not`,
    );
    for (const reason of exempt) say(`  not run: ${reason}`);
  }
  if (dryRun) return say('dry run: nothing was changed and nothing published');
  const { version } = publishedPackages(root).find(({ name }) => name === 'spherize');
  run('git', ['add', '--all'], root);
  run('git', ['commit', '--message', `Release ${version}`], root);
  run('git', ['tag', `v${version}`], root);
  say(`\ncommitted and tagged v${version}. To publish:\n`);
  for (const { tarball } of packed) say(`npm publish --access public ${tarball}`);
  say(`git push origin main v${version}`);
}

/** Whether packages are installed, and those that are compiled are built. */
function isSetUp() {
  return publishedPackages(here).every(
    ({ folder, manifest }) =>
      existsSync(join(here, 'node_modules')) &&
      (manifest.scripts?.build === undefined || existsSync(join(folder, 'dist'))),
  );
}

function requireCleanTree() {
  if (run('git', ['status', '--porcelain'], here) !== '')
    throw new Error('there are changes that are not committed: commit or undo them first');
}
