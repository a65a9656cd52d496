/** `completion`: what shells offer. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionScript } from '../../src/completion/completion-script.js';
import { SHELLS } from '../../src/completion/values.js';
import { createProgram } from '../../src/program.js';
import { writeSmallFiles } from './small-files.js';
import { spherize, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
mkdirSync(join(folder, 'pictures'));
writeFileSync(join(folder, 'plan.json'), '{}');

test('bash completes commands, flags and files', () => {
  const script = completionScript(createProgram(), 'bash');
  const complete = (...words: string[]): string => {
    const array = words.map((word) => `'${word}'`).join(' ');
    const code = `${script}COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; COMP_LINE='${words.join(' ')}'; COMP_POINT=\${#COMP_LINE}; _spherize; echo "\${COMPREPLY[@]}"`;
    const { stdout, status } = spawnSync('bash', ['-c', code], {
      encoding: 'utf8',
      cwd: import.meta.dirname,
    });
    expect(status).toBe(0);
    return stdout.trim();
  };
  expect(complete('spherize', 'com')).toBe('compress completion');
  expect(complete('spherize', 'alexnet-')).toBe('alexnet-fashion');
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
  expect(completeLine('spherize compress m --reduce n', 'false')).toEqual(['neurons', 'none']);
  expect(completeLine('spherize sweep m --reduce n', 'false')).toEqual(['neurons']);
  expect(completeLine('spherize help me', 'false')).toEqual(['merge']);
  expect(completeLine('spherize compress m --weights int', 'false')).toEqual(['int16', 'int8']);
  expect(completeLine('spherize compress m --widths ', 'false')).toEqual(['all', 'inner']);
  expect(completeLine('spherize compress m --weights=f', 'false')).toEqual(['float32', 'float16']);
  expect(completeLine('spherize completion p', 'false')).toContain('powershell');
  expect(completeLine('spherize compress m --seed ', 'false')).toEqual(['']);
});

test('bash completes data, and the files and folders in them', () => {
  const complete = (words: string) => completeLine(`spherize ${words}`, 'false');
  expect(complete('evaluate m --data fa')).toEqual(['fashion-mnist', 'fashion-mnist-train']);
  expect(complete('evaluate m --data ')).not.toContain('generated');
  expect(complete('compress m --calibrate ')).toEqual(
    expect.arrayContaining(['folder:', 'generated', 'none']),
  );
  // Behind the colon only the last part is replaced.
  expect(complete('evaluate m --data idx:ima')).toEqual(['images.idx']);
  expect(complete('evaluate m --data idx:images.idx,lab')).toEqual(['images.idx,labels.idx']);
  expect(complete('evaluate m --data folder:pic')).toEqual(['pictures']);
  expect(complete('evaluate m --data folder:ima')).toEqual(['']);
});

test('bash completes files where a file is expected, and folders where a folder is', () => {
  expect(completeLine('spherize compress small.onnx -o sma', 'false')).toEqual(['small.onnx']);
  expect(completeLine('spherize compress small.onnx --config pla', 'false')).toEqual(['plan.json']);
  expect(completeLine('spherize sweep small.onnx --out p', 'false')).toEqual(['pictures']);
  // The output of `evaluate` is a name in the model.
  expect(completeLine('spherize evaluate small.onnx --output sma', 'false')).toEqual(['']);
});

test('bash completes the layers of the model on the line', async () => {
  const { stdout } = await spherize(folder, 'completion', 'layers', 'small.onnx');
  // Layers, and the width between convolution and layers.
  expect(stdout).toBe('fc1\nfc2\nfc3\nconv\n');
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

test.each(SHELLS)('the script for %s knows every command and flag', (shell) => {
  const script = completionScript(createProgram(), shell);
  for (const { commands } of [createProgram()])
    for (const command of commands) {
      expect(script).toContain(command.name());
      for (const { long } of command.options) expect(script).toContain(long!.slice(2));
      for (const word of ['float16', 'neurons', 'fashion-mnist-train', 'rank-one', 'powershell'])
        expect(script, word).toContain(word);
    }
});

test('an unknown shell is refused', async () => {
  const { code, stderr } = await spherize(folder, 'completion', 'tcsh');
  expect([code, stderr]).toEqual([
    2,
    "spherize: shell: expected bash or zsh or fish or powershell, got 'tcsh'\n",
  ]);
});

/** What fish offers for a line. */
function fishOffers(line: string, layers = 'false'): string[] {
  const script = completionScript(createProgram(), 'fish');
  const code = `function spherize; ${layers}; end\n${script}\ncomplete -C ${JSON.stringify(line)}`;
  const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', code], {
    encoding: 'utf8',
    cwd: folder,
  });
  expect(stderr).toBe('');
  return stdout
    .trim()
    .split('\n')
    .map((offer) => offer.replace(/\t.*/, ''))
    .sort();
}

const FISH = spawnSync('fish', ['--version']).error === undefined;

test.skipIf(!FISH)('fish completes values, layers, data, files and folders', () => {
  expect(fishOffers('spherize compress small.onnx --weights int')).toEqual(['int16', 'int8']);
  expect(fishOffers('spherize compress small.onnx --weights=int')).toEqual([
    '--weights=int16',
    '--weights=int8',
  ]);
  expect(fishOffers('spherize sweep small.onnx --references svd,r')).toEqual(['svd,random']);
  expect(fishOffers('spherize evaluate small.onnx --data fa')).toEqual([
    'fashion-mnist',
    'fashion-mnist-train',
  ]);
  expect(fishOffers('spherize evaluate small.onnx --data idx:images.idx,lab')).toEqual([
    'idx:images.idx,labels.idx',
  ]);
  expect(fishOffers('spherize evaluate small.onnx --data folder:pic')).toEqual(['folder:pictures/']);
  expect(fishOffers('spherize compress small.onnx --config pla')).toEqual(['plan.json']);
  expect(fishOffers('spherize sweep small.onnx --out p')).toEqual(['pictures/']);
  expect(fishOffers('spherize compress small.onnx --layers fc1,', 'echo fc1; echo fc2')).toEqual([
    'fc1,fc1',
    'fc1,fc2',
  ]);
});

// There is no PowerShell where these tests were written: this is what its script says, not what it does.
test('the script for PowerShell says what may stand after every flag', () => {
  const script = completionScript(createProgram(), 'powershell');
  expect(script).toContain(
    "'--weights' = @{ Kind = 'words'; Words = @('float32', 'float16', 'int16', 'int8'); List = $false }",
  );
  expect(script).toContain("'--ratio' = @{ Kind = 'layers'; Words = @(); List = $true; Behind = '=' }");
  expect(script).toContain("'--config' = @{ Kind = 'files'; Words = @(); List = $false }");
  expect(script).toContain("'--json' = $null");
  for (const [open, close] of [
    ['(', ')'],
    ['{', '}'],
    ['[', ']'],
  ] as const)
    expect(script.split(open).length, open).toBe(script.split(close).length);
  // Names of layers are text: nothing is evaluated.
  expect(script).not.toMatch(/Invoke-Expression|iex /);
});
