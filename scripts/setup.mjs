// Installs the pinned pnpm's view of the workspace and builds every package.
// Needs only Node, npm and a package registry: pnpm itself comes through npx.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

function run(...args) {
  const { status, error } = spawnSync('npx', ['--yes', packageManager, ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
  });
  if (error || status !== 0) {
    console.error(`setup: '${packageManager} ${args.join(' ')}' failed${error ? `: ${error.message}` : ''}`);
    process.exit(1);
  }
}

run('install', '--frozen-lockfile', '--prefer-offline');
run('exec', 'turbo', 'run', 'build', '--output-logs=errors-only');
