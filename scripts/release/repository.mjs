/** Where the packages come from, as `package.json` says it: read off the clone that they are released from. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { publishedPackages } from './packages.mjs';

/** @returns the address of the clone's remote `origin` on the web, or undefined when it has none: a folder, or no remote */
export function repositoryOf(root) {
  const { status, stdout } = spawnSync('git', ['remote', 'get-url', 'origin'], {
    cwd: root,
    encoding: 'utf8',
  });
  return status === 0 ? webAddress(stdout.trim()) : undefined;
}

/** `git@host:owner/name.git` and its other forms become `https://host/owner/name`: without user, password and port. */
export function webAddress(remote) {
  const short = /^[^@/]+@([^:/]+):(.+)$/.exec(remote);
  const full = short ? `ssh://${short[1]}/${short[2]}` : remote;
  if (!URL.canParse(full)) return undefined;
  const { hostname, pathname } = new URL(full);
  return hostname === '' ? undefined : `https://${hostname}${pathname.replace(/(\.git)?\/*$/, '')}`;
}

/** Writes `repository`, `homepage` and `bugs` into the package.json of every published package. */
export function writeRepository(root, address) {
  for (const { folder, manifest } of publishedPackages(root)) {
    const directory = relative(root, folder).split(sep).join('/');
    const { name, version, description, keywords, license, ...others } = manifest;
    const origin = {
      homepage: `${address}/tree/HEAD/${directory}#readme`,
      bugs: `${address}/issues`,
      repository: { type: 'git', url: `git+${address}.git`, directory },
    };
    // After the name, where readers look; what was written there before goes.
    const whole = { name, version, description, keywords, ...origin, license, ...others, ...origin };
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(whole, null, 2)}\n`);
  }
}
