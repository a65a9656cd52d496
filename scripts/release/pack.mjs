/** From packages to the files that would be published. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { publishedPackages } from './packages.mjs';
import { run } from './run.mjs';

/**
 * Packs every published package of a workspace into a folder.
 *
 * @returns {{ name: string, version: string, tarball: string, bytes: number }[]}
 */
export function packPackages(root, out) {
  mkdirSync(out, { recursive: true });
  const packages = publishedPackages(root);
  const filters = packages.map(({ name }) => `--filter=${name}`);
  // All in one call: starting pnpm takes longer than packing.
  run(
    process.execPath,
    [join(root, 'scripts/pnpm.mjs'), ...filters, 'pack', '--pack-destination', out],
    root,
  );
  return packages.map(({ name, version, manifest }) => {
    const tarball = join(out, `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`);
    if (!existsSync(tarball)) throw new Error(`${name}: pnpm pack wrote no ${tarball}`);
    return { name, version, manifest, tarball, bytes: statSync(tarball).size };
  });
}
