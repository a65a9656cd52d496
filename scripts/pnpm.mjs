// Runs the pnpm that package.json pins, through npx: Node, npm and a package registry are all it needs.
//   node scripts/pnpm.mjs install --frozen-lockfile
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const { status, error } = spawnSync('npx', ['--yes', packageManager, ...process.argv.slice(2)], {
  cwd: root,
  // Everything on stderr: stdout belongs to the command that runs afterwards.
  stdio: ['ignore', 2, 2],
  shell: process.platform === 'win32',
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
});
if (error) console.error(`pnpm cannot be started through npx: ${error.message}`);
process.exit(status ?? 1);
