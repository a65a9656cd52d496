/** The scripts of docs/beyond-one-machine.md give what one machine gives. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks } from '../documentation/code-blocks.mjs';
import { makeFixtures } from '../documentation/fixtures.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MINUTES = 5;
/** Lines of a script, at most. */
const LINES = 20;
const blocks = codeBlocks(readFileSync(join(ROOT, 'docs/beyond-one-machine.md'), 'utf8'));
/** The block with some text, on fewer images and settings. */
const scriptWith = (text) =>
  blocks
    .find(({ code }) => code.includes(text))
    .code.replace('--limit 1000', '--limit 10')
    .replace('--ratios 0.5,0.7,0.9', '--ratios 0.5,0.9 --clusterers kmeans,spherical --references none');
/** GNU parallel: other programs of that name take other arguments. */
const PARALLEL = spawnSync('parallel', ['--version'], { encoding: 'utf8' }).stdout?.startsWith(
  'GNU parallel',
);

let folder;
beforeAll(() => {
  folder = makeFixtures(ROOT);
  // What one machine measures.
  const sweep = scriptWith('#SBATCH').replace('part$SLURM_ARRAY_TASK_ID', 'results');
  run('whole', sweep.replace(/ --shard "[^"]*"/, ''));
}, MINUTES * 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script in a folder of its own, with the model and the images. */
function run(name, script, env = {}) {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  for (const file of ['alexnet.onnx', 'imagenet'])
    cpSync(join(folder, file), join(own, file), { recursive: true });
  writeFileSync(join(own, 'script.sh'), script);
  const PATH = `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', 'script.sh'], {
    cwd: own,
    encoding: 'utf8',
    env: { ...process.env, ...env, PATH },
  });
  expect(status, `${stdout}${stderr}`).toBe(0);
}

/** What was measured, without times. */
const measured = (path) => {
  const results = JSON.parse(readFileSync(join(folder, path, 'results.json'), 'utf8'));
  return { ...results, rows: results.rows.map(({ seconds, ...row }) => row) };
};

test.skipIf(!PARALLEL)(
  'GNU parallel on local jobs: as one machine (skipped where it is not installed: apt-get install parallel)',
  () => {
    run('parallel', scriptWith('parallel --sshlogin'), { SHARDS: '2', JOBS: '2' });
    expect(measured('parallel/results')).toEqual(measured('whole/results'));
  },
  MINUTES * 60_000,
);

test(
  'the shards of the Slurm array, merged: as one machine',
  () => {
    const shard = scriptWith('#SBATCH').replace('n=4', 'n=2');
    for (const SLURM_ARRAY_TASK_ID of ['2', '1']) run('slurm', shard, { SLURM_ARRAY_TASK_ID });
    run('slurm', 'spherize merge part[0-9]* --out results');
    expect(measured('slurm/results')).toEqual(measured('whole/results'));
  },
  MINUTES * 60_000,
);

test('every script is short, and divides the same sweep into as many shards as it starts', () => {
  for (const { code, line } of blocks) expect(code.split('\n').length, `line ${line}`).toBeLessThan(LINES);
  const [job, workflow] = blocks.filter(({ language }) => language === 'yaml').map(({ code }) => code);
  expect(job).toMatch(/completions: 4\n(.*\n)*.*--shard \$i\/4/);
  expect(workflow).toMatch(/shard: \[1, 2, 3, 4\](.*\n)*.*--shard \$\{\{ matrix\.shard \}\}\/4/);
  const sweep = (code) => /spherize sweep .*?--ratios \S+/s.exec(code)[0].replace(/\\\n\s*/g, '');
  const sweeps = new Set(
    blocks.filter(({ code }) => code.includes('--limit 1000')).map(({ code }) => sweep(code)),
  );
  expect([...sweeps]).toEqual([
    'spherize sweep alexnet.onnx --data folder:imagenet/val --limit 1000 --ratios 0.5,0.7,0.9',
  ]);
});
