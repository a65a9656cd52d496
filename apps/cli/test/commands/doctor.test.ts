/** `doctor` and `completion`, colours, and what a mistyped flag leads to. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionScript } from '../../src/completion/completion-script.js';
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

test('bash completes commands, flags and files', () => {
  const script = completionScript(createProgram(), 'bash');
  const complete = (...words: string[]): string => {
    const array = words.map((word) => `'${word}'`).join(' ');
    const code = `${script}COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _spherize; echo "\${COMPREPLY[@]}"`;
    const { stdout, status } = spawnSync('bash', ['-c', code], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    });
    expect(status).toBe(0);
    return stdout.trim();
  };
  expect(complete('spherize', 'com')).toBe('compress completion');
  expect(complete('spherize', 'compress', '--rat')).toBe('--ratio');
  expect(complete('spherize', 'compress', 'doctor.t')).toBe('doctor.test.ts');
});

test('bash completes clusterers and their options, of which the shell replaces the last part only', () => {
  const script = completionScript(createProgram(), 'bash');
  const complete = (line: string): string[] => {
    const code = `${script}COMP_WORDS=(spherize compress); COMP_CWORD=3; COMP_LINE='${line}'; COMP_POINT=${line.length}; _spherize; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', code], { encoding: 'utf8' }).stdout.trim().split('\n');
  };
  expect(complete('spherize compress --clusterer k')).toEqual([
    'kmeans',
    'kmeans:algorithm=lloyd',
    'kmeans:algorithm=hartigan',
  ]);
  expect(complete('spherize compress --clusterer spherical:sc')).toEqual(['scale=norm', 'scale=projected']);
  expect(complete('spherize sweep --clusterers kmeans,rank')).toEqual([
    'kmeans,rank-one',
    'kmeans,rank-one:algorithm=lloyd',
    'kmeans,rank-one:algorithm=hartigan',
  ]);
});

/** What bash offers for a line, where `spherize completion layers` is what `layers` prints. */
function completeLine(line: string, layers: string): string[] {
  const script = completionScript(createProgram(), 'bash');
  const words = line.split(/[ :=]/).map((word) => `'${word}'`);
  const code = `spherize() { ${layers}; }
${script}COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; COMP_LINE='${line}'; COMP_POINT=${line.length}
_spherize; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', code], { encoding: 'utf8', cwd: folder });
  expect(stderr).toBe('');
  return stdout.trim().split('\n');
}

test('bash completes values that a flag has words for', () => {
  expect(completeLine('spherize compress m.onnx --algorithm ', 'false')).toEqual(['lloyd', 'hartigan']);
  expect(completeLine('spherize scan m.onnx --scale p', 'false')).toEqual(['projected']);
  expect(completeLine('spherize inspect m --format o', 'false')).toEqual(['onnx']);
  expect(completeLine('spherize sweep m --references svd,r', 'false')).toEqual(['svd,random']);
});

test('bash completes the layers of the model on the line', async () => {
  const { stdout } = await spherize(folder, 'completion', 'layers', 'small.onnx');
  expect(stdout).toBe('fc1\nfc2\nfc3\n');
  // What is asked for, and of which file: not of the recipe, nor of the output.
  const asked = `[ "$*" = 'completion layers small.onnx' ] && printf 'fc1\\nfc2\\n'`;
  const complete = (words: string) => completeLine(`spherize compress ${words}`, asked);
  expect(complete('small.onnx --layers ')).toEqual(['fc1', 'fc2']);
  expect(complete('--config small.json small.onnx --layers fc1,')).toEqual(['fc1,fc1', 'fc1,fc2']);
  expect(complete('small.onnx --ratio ')).toEqual(['fc1=', 'fc2=']);
  expect(complete('small.onnx --ratio fc1=0.5,fc')).toEqual(['0.5,fc1=', '0.5,fc2=']);
  expect(complete('none.onnx --layers ')).not.toContain('fc1');
});

test('names of layers are never run by bash', () => {
  const names = ['$(touch ran)', '`touch ran`', '*', 'a b', "it's"];
  writeFileSync(join(folder, 'names.txt'), `${names.join('\n')}\n`);
  expect(completeLine('spherize compress small.onnx --layers ', 'cat names.txt')).toEqual(names);
  expect(readdirSync(folder)).not.toContain('ran');
});

test('what is no model has no layers, in one line', async () => {
  const { code, stdout, stderr } = await spherize(folder, 'completion', 'layers', 'none.onnx');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^spherize: .*none\.onnx.*\n$/);
  const refused = await spherize(folder, 'completion', 'bash', 'small.onnx');
  expect([refused.code, refused.stderr]).toEqual([
    2,
    "spherize: completion: a model stands after 'layers', not after 'bash'\n",
  ]);
});

test.each(['zsh', 'fish'] as const)('the script for %s asks for layers and offers words', (shell) => {
  const script = completionScript(createProgram(), shell);
  expect(script).toContain('spherize completion layers ');
  expect(script).toContain('lloyd hartigan');
  const found = spawnSync(shell, ['-n', '-c', script], { encoding: 'utf8' });
  // Where the shell is installed, it must take the script.
  if (found.error === undefined) expect([found.status, found.stderr]).toEqual([0, '']);
});

test.each(['zsh', 'fish'] as const)('the script for %s completes clusterers with their options', (shell) => {
  expect(completionScript(createProgram(), shell).replaceAll('\\:', ':')).toContain(
    'spherical:scale=projected',
  );
});

test('help lists the options of the clusterers', () => {
  for (const name of ['compress', 'scan', 'sweep']) {
    const written: string[] = [];
    const command = createProgram().commands.find((candidate) => candidate.name() === name)!;
    command.configureOutput({ writeOut: (text) => written.push(text) }).outputHelp();
    expect(written.join('')).toContain('spherical:scale=norm|projected');
  }
});

test.each(['zsh', 'fish'] as const)('the script for %s knows every command and flag', (shell) => {
  const script = completionScript(createProgram(), shell);
  for (const { commands } of [createProgram()])
    for (const command of commands) {
      expect(script).toContain(command.name());
      for (const { long } of command.options) expect(script).toContain(long!.slice(2));
    }
});

test('an unknown shell is refused', async () => {
  const { code, stderr } = await spherize(folder, 'completion', 'tcsh');
  expect([code, stderr]).toEqual([2, "spherize: shell: expected bash or zsh or fish, got 'tcsh'\n"]);
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
