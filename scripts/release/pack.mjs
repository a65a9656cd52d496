/** From packages to the files that would be published. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
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
  return publishedPackages(root).map(({ name, version, folder, manifest }) => {
    const before = new Set(readdirSync(out));
    run(
      process.execPath,
      [join(root, 'scripts/pnpm.mjs'), '--dir', folder, 'pack', '--pack-destination', out],
      root,
    );
    const file = readdirSync(out).find((entry) => !before.has(entry));
    if (file === undefined) throw new Error(`${name}: pnpm pack wrote nothing into ${out}`);
    const tarball = join(out, file);
    return { name, version, manifest, tarball, bytes: statSync(tarball).size };
  });
}
