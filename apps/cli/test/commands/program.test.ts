/** What the command says about itself, and how faults and log lines come out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { write } from '../data/data-files.js';
import { writeSmallFiles } from './small-files.js';
import { spherize, start, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
write(
  folder,
  'faulty.mjs',
  Buffer.from(
    "export default { name: 'faulty', cluster: async (columns) => columns.vectors.map((column) => column) };\n",
  ),
);

beforeAll(async () => {
  const sweep = [
    'sweep',
    'small.onnx',
    '--data',
    'npy:X.npy,Y.npy',
    '--references',
    'none',
    '--ratios',
    '0.5',
  ];
  await spherize(folder, ...sweep, '--out', 'shard', '--shard', '1/1');
  await spherize(folder, 'merge', 'shard', '--out', 'results');
});

const COMMANDS = ['inspect', 'compress', 'evaluate', 'bench', 'sweep', 'alexnet'];

/** In a process of its own: what a shell sees. What its words do is tested in one process with others. */
const alone = (...args: string[]) => start(folder, args).ended;

test.each([
  [['inspect', 'small.onnx']],
  [['completion', 'bash']],
  [['merge', 'shard', '--out', 'merged']],
  [['report', 'results']],
  [['alexnet', '--help']],
  [['doctor']],
])('spherize %j alone ends with 0, and says so on stdout only', async (args) => {
  const { code, stdout, stderr } = await alone(...args);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).not.toBe('');
});

test('--version', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await alone('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help lists the commands', async () => {
  const { code, stdout, stderr } = await spherize(folder, '--help');
  expect([code, stderr]).toEqual([0, '']);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
});

test.each(COMMANDS)('%s --help lists its options', async (command) => {
  const { code, stdout, stderr } = await spherize(folder, command, '--help');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(new RegExp(`^Usage: spherize ${command} `));
  for (const option of ['--json', '--seed <n>', '--verbose']) expect(stdout).toContain(option);
  expect(await spherize(folder, 'help', command)).toEqual({ code, stdout, stderr });
});

test('--verbose adds the stack of a refusal', async () => {
  const { code, stdout, stderr } = await alone('inspect', 'missing.onnx', '--verbose');
  expect([code, stdout]).toEqual([2, '']);
  const [line, ...stack] = stderr.trimEnd().split('\n');
  expect(line).toMatch(/^spherize: model 'missing.onnx' does not exist/);
  expect(stack[0]).toMatch(/^InputError: model 'missing.onnx'/);
  expect(stack.slice(1).join('\n')).toMatch(/^ +at .*model-formats/m);
});

const FAULTY = ['compress', 'small.onnx', '-o', 'out.onnx', '--ratio', '0.5', '--clusterer', './faulty.mjs'];

test('a fault is one line and exit code 1', async () => {
  expect(await alone(...FAULTY)).toEqual({
    code: 1,
    stdout: '',
    stderr: "spherize: Cannot read properties of undefined (reading 'map')\n",
  });
  expect(() => readFileSync(join(folder, 'out.onnx'))).toThrow('ENOENT');
});

test('--verbose says where a fault arose', async () => {
  const { code, stderr } = await spherize(folder, ...FAULTY, '--verbose');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^TypeError: Cannot read properties of undefined/m);
  expect(stderr).toMatch(/^ +at .*faulty\.mjs/m);
});

test.each([['--help'], ['inspect', 'small.onnx']])(
  '%s ends quietly when nobody reads on',
  async (...args) => {
    const { child, ended } = start(folder, args);
    child.stdout!.destroy();
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' });
  },
);
