/** A copy of the workspace in which a release can be tried: versions may be raised there without a trace here. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { publishedPackages } from './packages.mjs';
import { run } from './run.mjs';

/** Copies the files that git knows or would take, and what has been built, into a new temporary folder. */
export function stageWorkspace(root) {
  const stage = mkdtempSync(join(tmpdir(), 'spherize-release-'));
  const { stdout, status } = spawnSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error('git ls-files failed: a release starts from a clone of the repository');
  for (const file of stdout.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))) {
    cpSync(join(root, file), join(stage, file));
  }
  for (const { folder } of publishedPackages(root)) {
    for (const built of ['dist', 'node_modules']) {
      const from = join(folder, built);
      if (existsSync(from))
        cpSync(from, join(stage, relative(root, folder), built), { recursive: true, verbatimSymlinks: true });
    }
  }
  symlinkSync(join(root, 'node_modules'), join(stage, 'node_modules'));
  return stage;
}

/** Raises versions and writes changelogs from the changesets. */
export function applyChangesets(root) {
  run(process.execPath, [join(root, 'node_modules/@changesets/cli/bin.js'), 'version'], root);
}
