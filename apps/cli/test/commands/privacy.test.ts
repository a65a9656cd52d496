/** What SECURITY.md promises: no network, and no files but those that are documented. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSmallFiles } from './small-files.js';
import { writeSmallLayersModel } from './small-layers-model.js';
import { BINARY, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
writeSmallLayersModel(join(folder, 'web'));

const COMMANDS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['compress, ONNX', ['compress', 'small.onnx', '-o', 'out.onnx', '--ratio', '0.5'], []],
  ['compress, TensorFlow.js', ['compress', 'web/model.json', '-o', 'web/out.json', '--ratio', '0.5'], []],
  ['evaluate', ['evaluate', 'small.onnx', '--data', 'npy:X.npy,Y.npy'], []],
  ['bench', ['bench', 'small.onnx', 'small.onnx', '--seconds', '0.01', '--batch', '1'], []],
  ['scan', ['scan', 'small.onnx', '--ratios', '0.5'], [join('cache', 'spherize', 'curves')]],
  ['sweep', ['sweep', 'small.onnx', '--data', 'npy:X.npy,Y.npy', '--out', 'results', '--ratios', '0.5'], []],
];

/** Whether the system calls of a command can be listed. */
const traces = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const isTraced = (name: string): boolean => traces && /compress|bench/.test(name);

/** Runs the command with folders of its own for everything that a program may leave behind, and lists what is there afterwards. */
function runAlone(
  args: readonly string[],
  program: readonly string[] = [],
): { left: string[]; stderr: string } {
  const home = temporaryFolder();
  const places = { HOME: 'home', XDG_CACHE_HOME: 'cache', XDG_CONFIG_HOME: 'config', TMPDIR: 'tmp' };
  for (const place of Object.values(places)) mkdirSync(join(home, place));
  const env = Object.fromEntries(
    Object.entries(places).map(([variable, place]) => [variable, join(home, place)]),
  );
  const [first, ...rest] = [...program, process.execPath, BINARY, ...args] as [string, ...string[]];
  const run = spawnSync(first, rest, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  });
  expect(run.status, run.stderr).toBe(0);
  const left = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1));
  return { left, stderr: run.stderr };
}

interface Outcome {
  readonly left: string[];
  readonly stderr: string;
  /** System calls for sockets, where they are listed. */
  readonly calls: string[];
}
const outcomes = new Map<string, Outcome>();
/** Runs a command of the table, once for all tests. */
function outcomeOf(name: string, args: readonly string[]): Outcome {
  const known = outcomes.get(name);
  if (known) return known;
  const log = join(folder, 'trace.txt');
  const tracing = isTraced(name) ? ['strace', '-f', '-e', 'trace=network', '-o', log] : [];
  const run = runAlone(args, tracing);
  const outcome = { ...run, calls: isTraced(name) ? readFileSync(log, 'utf8').split('\n') : [] };
  outcomes.set(name, outcome);
  return outcome;
}

test.each(COMMANDS)('%s leaves only what is documented, and says nothing', (name, args, documented) => {
  const { left, stderr } = outcomeOf(name, args);
  expect(left.filter((path) => !documented.some((place) => path.startsWith(place)))).toEqual([]);
  expect(left.length > 0).toBe(documented.length > 0);
  expect(stderr).toBe('');
});

describe.skipIf(!traces)('under strace (needs Debian package strace, and the right to trace)', () => {
  test.each(COMMANDS.filter(([name]) => /compress|bench/.test(name)))(
    '%s opens no network connection',
    (name, args) => {
      const { calls } = outcomeOf(name, args);
      // Sockets between its own processes are no network.
      expect(calls.filter((line) => /AF_INET|AF_NETLINK|sendto\(|connect\(/.test(line))).toEqual([]);
      expect(calls.some((line) => line.includes('exited with 0'))).toBe(true);
    },
  );
});
