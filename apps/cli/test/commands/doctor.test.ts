/** `doctor`, colours, and what a mistyped flag leads to. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/program.js';
import { coloursWanted } from '../../src/terminal/colours.js';
import { HELP_EXAMPLES } from '../../src/terminal/help-examples.js';
import { sparkline } from '../../src/terminal/sparkline.js';
import { writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);

interface Doctor {
  sound: boolean;
  findings: { name: string; status: string; detail: string; remedy?: string }[];
}

test('doctor finds what the tests themselves need', async () => {
  const { sound, findings } = await spherizeJson<Doctor>(folder, 'doctor');
  expect(sound).toBe(true);
  const status = Object.fromEntries(findings.map((finding) => [finding.name, finding.status]));
  expect(status).toMatchObject({
    'Node.js': 'ok',
    'onnxruntime-node': 'ok',
    sharp: 'ok',
    'alexnet-fashion': 'ok',
    cache: 'ok',
  });
  for (const { status, remedy } of findings) expect(remedy === undefined).toBe(status === 'ok');
});

test('doctor says what is missing, how to get it, and exits with 1', () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../../bin/spherize.js'), 'doctor'],
    { encoding: 'utf8', env: { ...process.env, SPHERIZE_CACHE: '/dev/null/no' } },
  );
  expect(status).toBe(1);
  expect(stdout).toMatch(/^cache +missing +.+SPHERIZE_CACHE/m);
});

test('a mistyped flag is answered with the nearest, a required one too', async () => {
  for (const [flag, nearest] of [
    ['--ration', '--ratio'],
    ['--sede', '--seed'],
  ]) {
    const { code, stdout, stderr } = await spherize(folder, 'compress', 'model.onnx', flag!, '1');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`spherize: unknown option '${flag}' (Did you mean ${nearest}?); see --help\n`);
  }
});

test('every command has examples in its help, and they are such as it takes', async () => {
  const program = createProgram();
  expect(program.commands.map((command) => command.name()).sort()).toEqual(Object.keys(HELP_EXAMPLES).sort());
  for (const [name, examples] of Object.entries(HELP_EXAMPLES)) {
    for (const example of examples) {
      const words = /spherize ([^)>|]+)/.exec(example)![1]!.trim().split(' ');
      expect(words[0]).toBe(name);
      const command = createProgram().commands.find((candidate) => candidate.name() === name)!;
      expect(command.parseOptions(words.slice(1)).unknown).toEqual([]);
    }
  }
  const { stdout } = await spherize(folder, 'sweep', '--help');
  expect(stdout).toContain(`\nExamples:\n  $ ${HELP_EXAMPLES.sweep![0]}\n`);
});

test('help lists the options of the clusterers', () => {
  for (const name of ['compress', 'scan', 'sweep']) {
    const written: string[] = [];
    const command = createProgram().commands.find((candidate) => candidate.name() === name)!;
    command.configureOutput({ writeOut: (text) => written.push(text) }).outputHelp();
    expect(written.join('')).toContain('spherical:scale=norm|projected');
  }
});

test('colours are for terminals, and NO_COLOR wins', () => {
  expect(coloursWanted(true, {})).toBe(true);
  expect(coloursWanted(false, {})).toBe(false);
  expect(coloursWanted(true, { NO_COLOR: '1' })).toBe(false);
  expect(coloursWanted(true, { TERM: 'dumb' })).toBe(false);
});

test('a plot of one line', () => {
  expect(sparkline([1, 0.875, 0.5, undefined, 0])).toBe('██▅ ▁');
});
