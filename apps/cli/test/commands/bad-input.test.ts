/**
 * Whatever is handed in wrong: exit code 2, one line on stderr that says what, where and what to do, nothing on stdout,
 * and not a file more than before.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { idxBytes, npyBytes, write } from '../data/data-files.js';
import { modelWithoutLayers, modelWithTwoInputs, SAMPLES, writeSmallFiles } from './small-files.js';
import { spherize, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeSmallFiles(folder);
write(folder, 'conv.onnx', modelWithoutLayers());
write(folder, 'two.onnx', modelWithTwoInputs());
write(folder, 'empty.onnx', new Uint8Array());
write(folder, 'text.onnx', Buffer.from('not a model\n'));
write(folder, 'model.bin', Buffer.from('not a model\n'));
write(folder, 'high.npy', npyBytes('<i4', [SAMPLES], new Int32Array(SAMPLES).fill(6, 3)));
write(folder, 'wide.npy', npyBytes('<f4', [SAMPLES, 1, 8, 8], new Float32Array(SAMPLES * 64)));
write(folder, 'few.npy', npyBytes('<i4', [2], new Int32Array(2)));
write(folder, 'labels2.idx', idxBytes([2], [0, 1]));
write(folder, 'broken.mjs', Buffer.from('export default {'));
write(folder, 'other.mjs', Buffer.from('export const answer = 42;\n'));
write(
  folder,
  'liar.mjs',
  Buffer.from("export default { name: 'liar', cluster: async () => ({ assignment: [] }) };\n"),
);
for (const name of ['folder.onnx', 'no classes', 'one class']) mkdirSync(join(folder, name));
mkdirSync(join(folder, 'one class', 'empty'));

/** Arguments separated by spaces, and the line on stderr after `spherize: `. `<cwd>` is the working folder. */
type Case = readonly [args: string, line: string];

const COMMAND: Case[] = [
  ['', 'expected a command; see --help'],
  ['help nope', 'expected a command; see --help'],
  ['nope', "unknown command 'nope'; see --help"],
  ['inspct small.onnx', "unknown command 'inspct' (Did you mean inspect?); see --help"],
  ['--nope', "unknown option '--nope'; see --help"],
  ['inspect', "missing required argument 'model'; see --help"],
  [
    'inspect small.onnx two.onnx',
    "too many arguments for 'inspect'. Expected 1 argument but got 2; see --help",
  ],
  ['inspect small.onnx --ratio 0.5', "unknown option '--ratio'; see --help"],
  ['inspect small.onnx --seed 1.5', "--seed: expected a whole number of at least 0, got '1.5'"],
  ['inspect small.onnx --seed -1', "--seed: expected a whole number of at least 0, got '-1'"],
];

const MODEL: Case[] = [
  ['text.onnx', 'text.onnx is not an ONNX model: it cannot be decoded'],
  ['empty.onnx', 'empty.onnx is not an ONNX model: it is empty'],
  ['folder.onnx', 'folder.onnx is not an ONNX model: it is a folder'],
  [
    'missing.onnx',
    "model 'missing.onnx' does not exist: give a file (.onnx, model.json) or an embedded model (alexnet-fashion)",
  ],
  [
    'missing',
    "model 'missing' does not exist: give a file (.onnx, model.json) or an embedded model (alexnet-fashion)",
  ],
  [
    'model.bin',
    "model 'model.bin' has no known format: expected a file named *.onnx or *.json, or --format with a package or a path",
  ],
];

const COMPRESS: Case[] = [
  ['conv.onnx --ratio 0.5', 'the model has no fully connected layer that can be compressed'],
  ['small.onnx', "required option '--ratio <ratio>' not specified; see --help"],
  ['small.onnx --ratio', "option '--ratio <ratio>' argument missing; see --help"],
  ['small.onnx --ratio 1', "--ratio: expected a number in [0, 1), got '1'"],
  ['small.onnx --ratio -0.1', "--ratio: expected a number in [0, 1), got '-0.1'"],
  ['small.onnx --ratio=-0.1', "--ratio: expected a number in [0, 1), got '-0.1'"],
  ['small.onnx --ratio abc', "--ratio: expected a number in [0, 1), got 'abc'"],
  ['small.onnx --ratio NaN', "--ratio: expected a number in [0, 1), got 'NaN'"],
  ['small.onnx --ratio 0.5,', "--ratio: expected a number in [0, 1), got ''"],
  ['small.onnx --ratio fc1=1', "--ratio fc1: expected a number in [0, 1), got '1'"],
  ['small.onnx --ratio fc1=', "--ratio fc1: expected a number in [0, 1), got ''"],
  ['small.onnx --ratio nope=0.5', "unknown layer 'nope': the model has fc1, fc2, fc3"],
  ['small.onnx --ratio 0.5 --layers fc1,nope', "unknown layer 'nope': the model has fc1, fc2, fc3"],
  [
    'small.onnx --ratio fc1=0.5 --layers fc1,fc2',
    "--layers names 'fc2', but no --ratio applies to it: add one",
  ],
  [
    'small.onnx --ratio 0.5 --ratio fc3=0.2 --layers fc1',
    "--ratio names 'fc3', which --layers leaves out: add it there",
  ],
  ['small.onnx --ratio 0.5 --sparsity 1', "--sparsity: expected a number in [0, 1), got '1'"],
  ['small.onnx --ratio 0.5 --sparsity -0.5', "--sparsity: expected a number in [0, 1), got '-0.5'"],
  ['small.onnx --ratio 0.5 --algorithm elkan', "--algorithm: expected lloyd or hartigan, got 'elkan'"],
  ['small.onnx --ratio 0.5 --ratoi 0.6', "unknown option '--ratoi' (Did you mean --ratio?); see --help"],
  [
    'small.onnx --ratio 0.5 --clusterer nope',
    "unknown clusterer 'nope': expected one of kmeans, spherical, rank-one, l2-slice, random, an installed package or a path to a module",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer ./nope.mjs',
    "unknown clusterer './nope.mjs': expected one of kmeans, spherical, rank-one, l2-slice, random, an installed package or a path to a module",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer ./broken.mjs',
    "clusterer './broken.mjs' cannot be loaded: Unexpected end of input",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer ./other.mjs',
    "'./other.mjs' exports no clusterer: export one as its default",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer ./liar.mjs',
    "clusterer liar: 'assignment' must have 144 values, one per column, got 0",
  ],
];

const OUTPUT: Case[] = [
  ['', "required option '-o, --output <file>' not specified; see --help"],
  ['-o nowhere/out.onnx', "output folder '<cwd>/nowhere' does not exist: create it first"],
  ['-o small.onnx/out.onnx', "output folder '<cwd>/small.onnx' does not exist: create it first"],
  ['-o folder.onnx', "output 'folder.onnx' is a folder: a file name is needed"],
  ['-o out.h5', "output 'out.h5' is not named as onnx files are, which the input is: end it in .onnx"],
  ['-o out', "output 'out' is not named as onnx files are, which the input is: end it in .onnx"],
];

const EVALUATE: Case[] = [
  ['small.onnx', "required option '--data <data>' not specified; see --help"],
  [
    'small.onnx --data cifar',
    "data: unknown 'cifar', expected one of fashion-mnist, fashion-mnist-train, idx:IMAGES,LABELS, folder:DIR, npy:X.npy,Y.npy",
  ],
  [
    'small.onnx --data idx:images.idx',
    "data: 'idx:images.idx' must name two files separated by one comma, as in idx:IMAGES,LABELS",
  ],
  ['small.onnx --data idx:images.idx,none.idx', 'none.idx: no such file or folder; check the path'],
  [
    'small.onnx --data idx:images.idx,labels2.idx',
    'labels2.idx: has 2 labels for the 30 samples of images.idx; give files that belong together',
  ],
  [
    'small.onnx --data idx:Y.npy,labels.idx',
    'Y.npy: is not an IDX file, expected to start with 0000, a type 08 to 0e and the number of axes, got 934e554d',
  ],
  [
    'small.onnx --data npy:X.npy,few.npy',
    'few.npy: has 2 labels for the 30 samples of X.npy; give files that belong together',
  ],
  ['small.onnx --data npy:X.npy,high.npy', 'data: sample 3 has label 6, but the model has 6 classes'],
  [
    'small.onnx --data npy:wide.npy,Y.npy',
    'data: samples have shape [1, 8, 8] but the model takes [1, 6, 6]; give data made for this model',
  ],
  [
    'small.onnx --data fashion-mnist',
    'data: samples have shape [1, 28, 28] but the model takes [1, 6, 6]; give data made for this model',
  ],
  ['small.onnx --data folder:none', 'none: no such file or folder; check the path'],
  [
    'small.onnx --data folder:no@classes',
    'no classes: has no subfolders; expected one folder of images per class',
  ],
  [
    'small.onnx --data folder:one@class',
    'one class/empty: this class has no image (.jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .avif); add some or remove the folder',
  ],
  ['small.onnx --data npy:X.npy,Y.npy --limit 0', "--limit: expected a whole number of at least 1, got '0'"],
  ['small.onnx --data npy:X.npy,Y.npy --batch 0', "--batch: expected a whole number of at least 1, got '0'"],
  ['small.onnx --data npy:X.npy,Y.npy --mean a', "--mean: expected a number, got 'a'"],
  [
    'small.onnx --data npy:X.npy,Y.npy --mean 0.1,0.2',
    'data: mean must have 1 number, for as many channels, got 2',
  ],
  ['small.onnx --data npy:X.npy,Y.npy --std 0', 'data: every std must be above 0, got 0'],
  [
    'two.onnx --data npy:X.npy,Y.npy',
    'the model must have one input to be evaluated, it has 2 (left, right)',
  ],
  [
    'conv.onnx --data npy:X.npy,Y.npy',
    "the model gives outputs of shape [30, 4, 4, 4] for 30 samples: a classifier's [samples, classes] is needed",
  ],
];

const SWEEP: Case[] = [
  ['', "required option '--out <folder>' not specified; see --help"],
  ['--out nowhere/results', "output folder '<cwd>/nowhere' does not exist: create it first"],
  ['--out small.onnx', "output 'small.onnx' is a file: a folder is needed"],
  ['--out results --ratios 0.5,1', "--ratios: expected a number in [0, 1), got '1'"],
  ['--out results --sparsities 0.5,,0.9', "--sparsities: expected a number in [0, 1), got ''"],
  ['--out results --seeds 0', "--seeds: expected a whole number of at least 1, got '0'"],
  ['--out results --layers nope', "unknown layer 'nope': the model has fc1, fc2, fc3"],
  [
    '--out results --clusterers kmeans,nope',
    "unknown clusterer 'nope': expected one of kmeans, spherical, rank-one, l2-slice, random, an installed package or a path to a module",
  ],
];

describe('a wrong command', () => {
  test.each(COMMAND)('spherize %s', (args, line) => expectRefusal(args, line));
});

describe('a wrong model', () => {
  test.each(MODEL)('inspect %s', (args, line) => expectRefusal(`inspect ${args}`, line));
  test.each(MODEL)('compress %s', (args, line) =>
    expectRefusal(`compress ${args} --ratio 0.5 -o out.onnx`, line),
  );
  test.each(MODEL)('evaluate %s', (args, line) =>
    expectRefusal(`evaluate ${args} --data npy:X.npy,Y.npy`, line),
  );
  test('inspect conv.onnx', () =>
    expectRefusal('inspect conv.onnx', 'the model has no fully connected layer that can be compressed'));
});

describe('wrong options of compress', () => {
  test.each(COMPRESS)('compress -o out.onnx %s', (args, line) =>
    expectRefusal(`compress -o out.onnx ${args}`, line),
  );
  test.each(OUTPUT)('compress small.onnx --ratio 0.5 %s', (args, line) =>
    expectRefusal(`compress small.onnx --ratio 0.5 ${args}`, line),
  );
});

describe('wrong options or data of evaluate', () => {
  test.each(EVALUATE)('evaluate %s', (args, line) => expectRefusal(`evaluate ${args}`, line));
});

describe('wrong options of sweep', () => {
  test.each(SWEEP)('sweep small.onnx %s', (args, line) =>
    expectRefusal(`sweep small.onnx --data npy:X.npy,Y.npy ${args}`, line),
  );
});

test('--json changes nothing about it', () =>
  expectRefusal('inspect missing.onnx --json', MODEL.find(([args]) => args === 'missing.onnx')![1]));

/** Spaces separate arguments, `@` stands for a space inside one. */
async function expectRefusal(args: string, line: string): Promise<void> {
  const before = readdirSync(folder, { recursive: true }).sort();
  const words = args.split(' ').filter((word) => word !== '');
  const run = await spherize(folder, ...words.map((word) => word.replaceAll('@', ' ')));
  expect(run).toEqual({ code: 2, stdout: '', stderr: `spherize: ${line.replace('<cwd>', folder)}\n` });
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
}
