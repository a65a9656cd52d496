/**
 * Every class of wrong input, and the line that it gets. `docs/bad-input.md` is made of this table; its files are written by
 * `input-files.ts`.
 */

/** Arguments separated by spaces, and the line on stderr after `spherize: `. `<cwd>` is the working folder. */
export type Case = readonly [args: string, line: string];

const COMMAND: Case[] = [
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
  ['completion bash small.onnx', "completion: a model stands after 'layers', not after 'bash'"],
];

const MODEL: Case[] = [
  ['text.onnx', 'text.onnx is not an ONNX model: it cannot be decoded; export or fetch it again'],
  ['empty.onnx', 'empty.onnx is not an ONNX model: it is empty; export or fetch it again'],
  ['folder.onnx', 'folder.onnx is not an ONNX model: it is a folder; name the .onnx file in it'],
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
  [
    'conv.onnx --ratio 0.5',
    'the model has no fully connected layer that can be compressed; conv: a 3×3 convolution: it reads one channel',
  ],
  [
    'small.onnx --ratio 0.5 --report nowhere/page.html',
    "output folder '<cwd>/nowhere' does not exist: create it first",
  ],
  ['small.onnx --ratio 0.5 --report small.onnx', "output 'small.onnx' is a file: a folder is needed"],
  ['small.onnx --paper', '--paper compresses to a given ratio: add --ratio'],
  [
    'small.onnx --paper --ratio 0.5 --calibrate generated',
    '--paper says what --calibrate is: leave one of them out',
  ],
  [
    'small.onnx --weights int4 --ratio 0.5',
    "--weights: expected float32 or float16 or int16 or int8, got 'int4'",
  ],
  [
    'small.onnx --reduce none',
    '--reduce none leaves the model as it is: say with --weights how its weights are to be stored',
  ],
  [
    'small.onnx --reduce none --weights int8 --ratio 0.5',
    '--ratio: --reduce none reduces nothing: leave one of them out',
  ],
  [
    'small.onnx --reduce none --weights int8 --sparsity 0.5',
    '--sparsity prunes layers whose columns are clustered: leave it out, or take --reduce columns',
  ],
  ['small.onnx --ratio', "option '--ratio <ratio>' argument missing; see --help"],
  ['small.onnx --ratio 1', "--ratio: expected a number in [0, 1), got '1'"],
  ['small.onnx --ratio -0.1', "--ratio: expected a number in [0, 1), got '-0.1'"],
  ['small.onnx --ratio=-0.1', "--ratio: expected a number in [0, 1), got '-0.1'"],
  ['small.onnx --ratio abc', "--ratio: expected a number in [0, 1), got 'abc'"],
  ['small.onnx --ratio NaN', "--ratio: expected a number in [0, 1), got 'NaN'"],
  ['small.onnx --ratio 0.5,', "--ratio: expected a number in [0, 1), got ''"],
  ['small.onnx --ratio fc1=1', "--ratio fc1: expected a number in [0, 1), got '1'"],
  ['small.onnx --ratio fc1=', "--ratio fc1: expected a number in [0, 1), got ''"],
  [
    'small.onnx --ratio "fc1=0.5',
    `--ratio: the quote in '"fc1=0.5' is not closed: a quoted value ends with " and has its own quotes doubled`,
  ],
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
  [
    'small.onnx --ratio 0.5 --clusterer spherical:speed=1',
    "clusterer 'spherical' has no option 'speed': expected algorithm (lloyd or hartigan), scale (norm or projected)",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer random:algorithm=lloyd',
    "clusterer 'random' has no option 'algorithm': it has none",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer kmeans:algorithm=elkan',
    "clusterer 'kmeans': option 'algorithm' takes lloyd or hartigan, got 'elkan'",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer spherical:scale=norm,lloyd',
    "--clusterer: expected key=value behind 'spherical:', got 'lloyd'",
  ],
  [
    'small.onnx --ratio 0.5 --clusterer spherical:scale=norm,scale=projected',
    "--clusterer: 'spherical' is given 'scale' twice: leave one",
  ],
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
    "clusterer './broken.mjs' cannot be loaded: Unexpected end of input; mend or reinstall it",
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
  ['-o nowhere/out.onnx', "output folder '<cwd>/nowhere' does not exist: create it first"],
  ['-o small.onnx/out.onnx', "output folder '<cwd>/small.onnx' does not exist: create it first"],
  ['-o folder.onnx', 'cannot write folder.onnx: it is a folder: give the name of a file'],
  ['-o taken.onnx', 'cannot write taken.recipe.json: it is a folder: give the name of a file'],
  ['-o device.onnx', 'cannot write device.onnx: it is a device or a pipe: give the name of a file'],
  [
    `-o ${'圧'.repeat(84)}.onnx`,
    `cannot write ${'圧'.repeat(84)}.onnx: its name is longer than the file system takes: give a shorter one`,
  ],
  ['-o out.h5', "output 'out.h5' is not named as onnx files are, which the input is: end it in .onnx"],
  ['-o out', "output 'out' is not named as onnx files are, which the input is: end it in .onnx"],
];

const EVALUATE: Case[] = [
  ['small.onnx', "required option '--data <data>' not specified; see --help"],
  [
    'small.onnx --data cifar',
    "data: unknown 'cifar', expected one of fashion-mnist, fashion-mnist-train, idx:IMAGES,LABELS, folder:DIR, npy:X.npy,Y.npy, npz:FILE.npz",
  ],
  [
    'small.onnx --data idx:images.idx',
    'data: \'idx:images.idx\' must name two files separated by one comma, as in idx:IMAGES,LABELS; a name with a comma goes into "quotes"',
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
  [
    'small.onnx --data npy:X.npy,high.npy',
    "data: the labels of npy:X.npy,high.npy reach 6, 7 classes from 0, but the model has 6 classes in its output 'scores': give data made for this model, or shift the labels with --label-offset",
  ],
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
    '--data npy:X.npy,Y.npy: the model has 2 inputs (left, right): give npz:FILE.npz, or a folder: of .npy files, with an array for each and one of class indices called labels',
  ],
  [
    'two.onnx --data npz:pairs.npz',
    '--data npz:pairs.npz: has no labels, only left, right: add an array of class indices called labels, label, y',
  ],
  [
    'two.onnx --data npz:pairs-few.npz',
    'pairs-few.npz: y: has 3 labels for the 30 samples of npz:pairs-few.npz; give files that belong together',
  ],
  [
    'two.onnx --data npz:pairs-high.npz',
    "data: the labels of npz:pairs-high.npz reach 6, 7 classes from 0, but the model has 6 classes in its output 'scores': give data made for this model, or shift the labels with --label-offset",
  ],
  [
    'two.onnx --data npz:pairs-high.npz --mean 0.5',
    '--data npz:pairs-high.npz: recorded inputs are taken as they are: leave out --mean and --std',
  ],
  [
    'conv.onnx --data npy:X.npy,Y.npy',
    "output 'maps': the model gives outputs of shape [1, 4, 4, 4] for 1 sample: a classifier's [samples, classes] is needed",
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
  [
    '--out results --clusterers kmeans,spherical:scale=projected,algorithm=lloyd',
    `--clusterers: 'algorithm=lloyd' is no clusterer: put one with several options into quotes, as in "spherical:scale=projected,algorithm=lloyd"`,
  ],
];

const TARGETS: Case[] = [
  [
    'small.onnx --ratio 0.5 --target-size 0.5',
    '--ratio and --target-size exclude each other: give one of them',
  ],
  [
    'small.onnx --target-speedup 2 --max-drop 1',
    '--target-speedup and --max-drop exclude each other: give one of them',
  ],
  [
    'small.onnx --max-error 0.1 --target-size 0.5',
    '--target-size and --max-error exclude each other: give one of them',
  ],
  ['small.onnx --max-error 1', "--max-error: expected a number in (0, 1), got '1'"],
  ['small.onnx --target-size 1', "--target-size: expected a number in (0, 1), got '1'"],
  ['small.onnx --target-size 0', "--target-size: expected a number in (0, 1), got '0'"],
  ['small.onnx --target-speedup 1', "--target-speedup: expected a number above 1, got '1'"],
  ['small.onnx --target-speedup fast', "--target-speedup: expected a number, got 'fast'"],
  [
    'small.onnx --ratio 0.5 --measure',
    '--measure chooses ratios by time, but --ratio gives them: leave one out',
  ],
  [
    'small.onnx --target-size 0.5 --measure',
    '--measure chooses ratios by time, but --target-size counts bytes: leave one out',
  ],
  [
    'small.onnx --reduce columns --target-speedup 2 --measure',
    '--measure chooses by time among widths, and here columns are clustered: give --reduce auto, or leave it out',
  ],
  [
    'small.onnx --reduce both --target-speedup 2',
    '--reduce both takes ratios, a size or an error of the outputs: give --ratio, --target-size or --max-error, or take --reduce auto',
  ],
  ['small.onnx --reduce both --ratio fc3=0.5', "each column of 'fc3' is a neuron of width 'fc2': name that"],
  [
    'small.onnx --reduce both --ratio conv=0.5',
    "width 'conv' is read by 'fc1', whose columns are clustered: name that layer",
  ],
  [
    'small.onnx --latency-model multiplies=fast',
    "--latency-model: expected nanoseconds of multiplies, depthwise, weights, values, operations, runs such as multiplies=0.02, got 'multiplies=fast'",
  ],
  ['small.onnx --latency-model runs=1,runs=2', "--latency-model: 'runs' is given twice: give it once"],
  [
    'small.onnx --latency-model runs=0',
    "--latency-model: says that nothing takes time, got 'runs=0': give what takes some",
  ],
  ['small.onnx --max-drop 0', "--max-drop: expected points in (0, 100), got '0'"],
  ['small.onnx --max-drop 1', '--max-drop needs labelled data to measure accuracy on: give --data'],
  ['small.onnx --target-size 0.5 --limit 9', '--limit cuts data, but there are none: give --data'],
  [
    'small.onnx --ratio 0.5 --data npy:X.npy,Y.npy',
    '--data chooses ratios, but --ratio gives them: leave one out',
  ],
  ['small.onnx --target-size 0.5 --layers nope', "unknown layer 'nope': the model has fc1, fc2, fc3"],
  ['small.onnx --ratio 0.5 --round-to 0', "--round-to: expected a whole number of at least 1, got '0'"],
  [
    'conv.onnx --target-size 0.5',
    'the model has no fully connected layer that can be compressed; conv: a 3×3 convolution: it reads one channel',
  ],
  [
    'two.onnx --target-size 0.9 --calibrate npy:X.npy,Y.npy',
    '--calibrate npy:X.npy,Y.npy: the model has 2 inputs (left, right): give npz:FILE.npz, or a folder: of .npy files, with an array for each',
  ],
  [
    'small.onnx --target-size 0.9 --calibrate npz:none.npz',
    'none.npz: no such file or folder; check the path',
  ],
];

const FIT: Case[] = [
  [
    'evaluate small.onnx --data folder:broken',
    "data: folder:broken has 1 class folder, but the model has 6 classes in its output 'scores': give the names of all the model's classes in its order, one a line, with --classes FILE",
  ],
  [
    'evaluate small.onnx --data folder:broken --label-offset 6',
    "data: folder:broken has 1 class folder with --label-offset 6, but the model has 6 classes in its output 'scores': give the names of all the model's classes in its order, one a line, with --classes FILE",
  ],
  [
    'evaluate small.onnx --data folder:broken --label-offset -1',
    'folder: the classes are numbered from 0, --label-offset -1 makes them negative; leave it out',
  ],
  [
    'evaluate small.onnx --data folder:broken --classes names.txt',
    "broken: the folder 'class' is not among the 2 classes of names.txt; add its name there, or rename it",
  ],
  [
    'evaluate small.onnx --data folder:broken --classes none.txt',
    'none.txt: no such file or folder; check the path',
  ],
  [
    'evaluate small.onnx --data folder:broken --classes twice.txt',
    "--classes twice.txt: lines 1 and 2 both say 'ant'; expected one class name a line, in the model's order",
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --classes names.txt',
    '--classes puts the folders of folder: in order, but the labels of Y.npy are numbers: use --label-offset to shift them',
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --label-offset 0.5',
    "--label-offset: expected a whole number, got '0.5'",
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --label-offset -1',
    'Y.npy: label 0 is 0, which --label-offset -1 makes negative; give a larger offset',
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --output label',
    "the model has no output 'label', expected one of scores (float32)",
  ],
  [
    'evaluate bytes.onnx --data npy:X.npy,Y.npy',
    'X.npy: has 0.12941177189350128 at [0, 0, 0, 0], but the model takes whole numbers from 0 to 255 (uint8); give the values as they were before scaling',
  ],
  [
    'evaluate bytes.onnx --data idx:images.idx,labels.idx --mean 0.5',
    'data: the model takes uint8, values as they are stored: leave out --mean and --std, which are for floats',
  ],
  [
    'evaluate text-input.onnx --data npy:X.npy,Y.npy',
    "data: the model's input takes string, data are numbers; give another model",
  ],
  [
    'evaluate labels-only.onnx --data npy:X.npy,Y.npy',
    "output 'label': the model gives outputs of shape [1] for 1 sample: a classifier's [samples, classes] is needed",
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --shape nope=1,1,6,6',
    "--shape: the model has no input 'nope', expected one of image",
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --shape image=1,1,6',
    "--shape: input 'image' has shape [any, 1, 6, 6], got [1, 1, 6]: give its 4 axes, with other lengths only where it says any",
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --shape image=1,1,5,6',
    "--shape: input 'image' has shape [any, 1, 6, 6], got [1, 1, 5, 6]: give its 4 axes, with other lengths only where it says any",
  ],
  [
    'evaluate small.onnx --data npy:X.npy,Y.npy --shape image=0,1,6,6',
    "--shape: expected NAME=1,3,224,224 with lengths of at least 1, or ? for a free axis, got 'image=0,1,6,6'",
  ],
  [
    'scan small.onnx --label-offset 1',
    '--label-offset is about the labels of data, but there are none: give --data',
  ],
  [
    'compress small.onnx -o out.onnx --ratio 0.5 --classes names.txt',
    '--classes is about the labels of data, but there are none: give --data',
  ],
  [
    'compress small.onnx -o out.onnx --max-drop 5 --data npy:X.npy,Y.npy --scores label',
    "the model has no output 'label', expected one of scores (float32)",
  ],
  [
    'bench two.onnx two.onnx --shape 1,36',
    '--shape: the model has 2 inputs (left, right): say which one, as in NAME=1,3,224,224',
  ],
];

const SCAN: Case[] = [
  ['small.onnx --ratios 0.5,1', "--ratios: expected a number in [0, 1), got '1'"],
  ['small.onnx --layers nope', "unknown layer 'nope': the model has fc1, fc2, fc3"],
  ['small.onnx --limit 5', '--limit cuts data, but there are none: give --data'],
  ['small.onnx --round-to 1.5', "--round-to: expected a whole number of at least 1, got '1.5'"],
  [
    'small.onnx --data npy:X.npy,high.npy',
    "data: the labels of npy:X.npy,high.npy reach 6, 7 classes from 0, but the model has 6 classes in its output 'scores': give data made for this model, or shift the labels with --label-offset",
  ],
  [
    'conv.onnx',
    'the model has no fully connected layer that can be compressed; conv: a 3×3 convolution: it reads one channel',
  ],
  [
    'two.onnx --data npy:X.npy,Y.npy',
    '--data npy:X.npy,Y.npy: the model has 2 inputs (left, right): give npz:FILE.npz, or a folder: of .npy files, with an array for each and one of class indices called labels',
  ],
];

/** Cases of one kind. */
export interface CaseGroup {
  readonly title: string;
  /** The command around the arguments. */
  readonly command: (args: string) => string;
  readonly cases: readonly Case[];
}

/** `*` stands for any number. */
export const GROUPS: readonly CaseGroup[] = [
  { title: 'Commands', command: (args) => args, cases: COMMAND },
  { title: 'Models', command: (args) => `inspect ${args}`, cases: MODEL },
  { title: 'Options of compress', command: (args) => `compress -o out.onnx ${args}`, cases: COMPRESS },
  { title: 'Outputs', command: (args) => `compress small.onnx --ratio 0.5 ${args}`, cases: OUTPUT },
  { title: 'Options and data of evaluate', command: (args) => `evaluate ${args}`, cases: EVALUATE },
  {
    title: 'Options of sweep',
    command: (args) => `sweep small.onnx --data npy:X.npy,Y.npy ${args}`,
    cases: SWEEP,
  },
  { title: 'Labels, types and shapes', command: (args) => args, cases: FIT },
  {
    title: 'Targets of compress',
    command: (args) => args,
    cases: TARGETS.map(([args, line]) => [`compress -o out.onnx ${args}`, line]),
  },
  {
    title: 'Options of scan',
    command: (args) => args,
    cases: SCAN.map(([args, line]) => [`scan ${args}`, line]),
  },
  {
    title: 'ONNX files',
    command: (args) => args,
    cases: [
      [
        'compress conv.onnx --ratio 0.5 -o out.onnx',
        'the model has no fully connected layer that can be compressed; conv: a 3×3 convolution: it reads one channel',
      ],
      [
        'compress cycle.onnx --ratio 0.5 -o out.onnx',
        "cycle.onnx is not a valid ONNX model: node 0 (Gemm 'fc') reads 'y', which is made from what it makes itself: the graph has a cycle; export it again",
      ],
      [
        'compress dangling.onnx --ratio 0.5 -o out.onnx',
        "dangling.onnx is not a valid ONNX model: node 1 (Relu 'relu') reads 'nowhere', which nothing makes; export it again",
      ],
      [
        'compress dims-disagree.onnx --ratio 0.5 -o out.onnx',
        "dims-disagree.onnx is not a valid ONNX model: tensor 'fc.weight' of dims [3, 4] needs 48 bytes, it has 24; export it again",
      ],
      [
        'compress dims-negative.onnx --ratio 0.5 -o out.onnx',
        "dims-negative.onnx is not a valid ONNX model: tensor 'fc.weight' of dims [-3, -2]: a dim is negative; export it again",
      ],
      [
        'compress dims-overflow.onnx --ratio 0.5 -o out.onnx',
        "dims-overflow.onnx is not a valid ONNX model: tensor 'fc.weight' of dims [4611686018427387904, 4] needs 73786976294838206464 bytes, it has 24; export it again",
      ],
      [
        'compress duplicate-names.onnx --ratio 0.5 -o out.onnx',
        "duplicate-names.onnx is not a valid ONNX model: two tensors are called 'fc.weight', one is an initializer; export it again",
      ],
      [
        'compress device.onnx --ratio 0.5 -o out.onnx',
        'device.onnx is not an ONNX model: it is a device; name a file',
      ],
      [
        'compress empty.onnx --ratio 0.5 -o out.onnx',
        'empty.onnx is not an ONNX model: it is empty; export or fetch it again',
      ],
      [
        'compress folder.onnx --ratio 0.5 -o out.onnx',
        'folder.onnx is not an ONNX model: it is a folder; name the .onnx file in it',
      ],
      [
        'compress huge.onnx --ratio 0.5 -o out.onnx',
        'huge.onnx is larger than 2 GiB, where ONNX files end: keep its weights as external data',
      ],
      [
        'compress infinity.onnx --ratio 0.5 -o out.onnx',
        "infinity.onnx: tensor 'fc.weight' has -Infinity at [0, 0], weights must be finite; export the model again from a sound checkpoint",
      ],
      [
        'compress integers.onnx --ratio 0.5 -o out.onnx',
        'the model has no fully connected layer that can be compressed; fc: its weights are of type int32',
      ],
      [
        'compress nan.onnx --ratio 0.5 -o out.onnx',
        "nan.onnx: tensor 'fc.weight' has NaN at [2, 0], weights must be finite; export the model again from a sound checkpoint",
      ],
      [
        'compress no-graph.onnx --ratio 0.5 -o out.onnx',
        'no-graph.onnx is not an ONNX model: it has no graph; export or fetch it again',
      ],
      [
        'compress no-operators.onnx --ratio 0.5 -o out.onnx',
        'the model has no fully connected layer that can be compressed; fc: operator set 0 is too old: convert the model to 7 or newer',
      ],
      [
        'compress shapes-disagree.onnx --ratio 0.5 -o out.onnx',
        'onnxruntime cannot run the model: Node (fc) Op (Gemm) [ShapeInferenceError] Dimension mismatch in unification between 2 and 3; check it with onnx.checker, or export it again',
      ],
      [
        'compress text.onnx --ratio 0.5 -o out.onnx',
        'text.onnx is not an ONNX model: it cannot be decoded; export or fetch it again',
      ],
      [
        'compress truncated.onnx --ratio 0.5 -o out.onnx',
        'truncated.onnx is not an ONNX model: it cannot be decoded; export or fetch it again',
      ],
      [
        'compress unknown-operator.onnx --ratio 0.5 -o out.onnx',
        'onnxruntime cannot run the model: This is an invalid model. In Node, ("relu", Nothing, "", -1) : ("h": tensor(float),) -> ("y": tensor(float),) , Error No Op registered for Nothing with domain_version of 13; check it with onnx.checker, or export it again',
      ],
      [
        'compress models/absolute.onnx --ratio 0.5 -o out.onnx',
        "models/absolute.onnx: the external data of fc.weight lies at '/etc/passwd', not below the model's folder; move it there",
      ],
      [
        'compress models/backslash-parent.onnx --ratio 0.5 -o out.onnx',
        "models/backslash-parent.onnx: the external data of fc.weight lies at '..\\outside.bin', not below the model's folder; move it there",
      ],
      [
        'compress models/folder.onnx --ratio 0.5 -o out.onnx',
        'models/folder.onnx: the external data of fc.weight lies at <cwd>/models, which is no file; export the model again',
      ],
      [
        'compress models/hidden-parent.onnx --ratio 0.5 -o out.onnx',
        "models/hidden-parent.onnx: the external data of fc.weight lies at 'a/./../../outside.bin', not below the model's folder; move it there",
      ],
      [
        'compress models/link.onnx --ratio 0.5 -o out.onnx',
        "models/link.onnx: the external data of fc.weight lies at 'link.bin', which leads out of the model's folder; put the file itself there",
      ],
      [
        'compress models/missing.onnx --ratio 0.5 -o out.onnx',
        'models/missing.onnx: the external data of fc.weight is missing: there is no file none.bin; put it beside the model',
      ],
      [
        'compress models/negative.onnx --ratio 0.5 -o out.onnx',
        'models/negative.onnx: the external data of fc.weight has offset -4 and length 24, expected whole numbers of at least 0; export the model again',
      ],
      [
        'compress models/overflow.onnx --ratio 0.5 -o out.onnx',
        'models/overflow.onnx: the external data of fc.weight has offset 9007199254740992 and length -9007199254740972, expected whole numbers of at least 0; export the model again',
      ],
      [
        'compress models/parent.onnx --ratio 0.5 -o out.onnx',
        "models/parent.onnx: the external data of fc.weight lies at '../outside.bin', not below the model's folder; move it there",
      ],
      [
        'compress models/short.onnx --ratio 0.5 -o out.onnx',
        "models/short.onnx is not a valid ONNX model: tensor 'fc.weight' of dims [3, 2] needs 24 bytes, it has 20; export it again",
      ],
      [
        'compress models/url.onnx --ratio 0.5 -o out.onnx',
        "models/url.onnx: the external data of fc.weight lies at 'https://example.org/weights.bin': nothing is fetched, it must be a file below the model's folder",
      ],
      [
        'bench small.onnx cycle.onnx',
        "cycle.onnx is not a valid ONNX model: node 0 (Gemm 'fc') reads 'y', which is made from what it makes itself: the graph has a cycle; export it again",
      ],
      [
        'compress small.onnx --ratio 0.5 -o out.json',
        "output 'out.json' is not named as onnx files are, which the input is: end it in .onnx",
      ],
      [
        'compress models/circle.json --ratio 0.5 -o out.onnx',
        "model.json: layer 'dense' reads what it makes itself: the layers form a circle; save or convert the model again",
      ],
    ],
  },
  {
    title: 'TensorFlow.js files',
    command: (args) => args,
    cases: [
      [
        'compress models/circle.json --ratio 0.5 -o out.json',
        "model.json: layer 'dense' reads what it makes itself: the layers form a circle; save or convert the model again",
      ],
      [
        'compress models/dangling.json --ratio 0.5 -o out.json',
        "model.json: layer 'dense' reads layer 'none', which there is not; save or convert the model again",
      ],
      [
        'compress models/duplicate-layers.json --ratio 0.5 -o out.json',
        "model.json: two layers are called 'dense'; save or convert the model again",
      ],
      [
        'compress models/duplicate-weights.json --ratio 0.5 -o out.json',
        "model.json: two weights are called 'dense/kernel'; save or convert the model again",
      ],
      [
        'compress models/empty.json --ratio 0.5 -o out.json',
        'models/empty.json is not a TensorFlow.js model: it is no JSON; save or fetch it again',
      ],
      [
        'compress models/other.json --ratio 0.5 -o out.json',
        'models/other.json is not a TensorFlow.js model: it has no modelTopology; name the model.json of a model',
      ],
      [
        'compress models/shape-disagrees.json --ratio 0.5 -o out.json',
        'TensorFlow.js cannot load the model: Shape mismatch: [3,2] vs. [2,3]; save or convert it again',
      ],
      [
        'compress models/shape-overflow.json --ratio 0.5 -o out.json',
        "model.json: weight 'dense/kernel' has shape [4503599627370496,4503599627370496], expected sizes that fit in a file; save or convert the model again",
      ],
      [
        'compress models/shard-absolute.json --ratio 0.5 -o out.json',
        "models/shard-absolute.json: a shard lies at '/etc/passwd', not below the model's folder; move it there",
      ],
      [
        'compress models/shard-folder.json --ratio 0.5 -o out.json',
        'models/shard-folder.json: a shard lies at <cwd>/models, which is no file; export the model again',
      ],
      [
        'compress models/shard-link.json --ratio 0.5 -o out.json',
        "models/shard-link.json: a shard lies at 'link.bin', which leads out of the model's folder; put the file itself there",
      ],
      [
        'compress models/shard-missing.json --ratio 0.5 -o out.json',
        'models/shard-missing.json: a shard is missing: there is no file none.bin; put it beside the model',
      ],
      [
        'compress models/shard-parent.json --ratio 0.5 -o out.json',
        "models/shard-parent.json: a shard lies at '../outside.bin', not below the model's folder; move it there",
      ],
      [
        'compress models/shard-short.json --ratio 0.5 -o out.json',
        'models/shard-short.json: its weights take 24 bytes, but its shards have 20: a shard is missing, cut short or of another model; fetch them again',
      ],
      [
        'compress models/shard-url.json --ratio 0.5 -o out.json',
        "models/shard-url.json: a shard lies at 'https://example.org/weights.bin': nothing is fetched, it must be a file below the model's folder",
      ],
      [
        'compress models/graph-circle.json --ratio 0.5 -o out.json',
        "model.json: node 'a' reads what it makes itself: the nodes form a circle; save or convert the model again",
      ],
      [
        'compress models/graph-dangling.json --ratio 0.5 -o out.json',
        "model.json: node 'y' reads 'none', which nothing makes; save or convert the model again",
      ],
      [
        'compress models/graph-duplicate.json --ratio 0.5 -o out.json',
        "model.json: two nodes are called 'y'; save or convert the model again",
      ],
      [
        'compress models/weights-nan.json --ratio 0.5 -o out.json',
        "model.json: weight 'dense/kernel' has NaN at [1, 1], weights must be finite; save or convert the model again",
      ],
      [
        'compress device.json --ratio 0.5 -o out.json',
        'device.json is not a TensorFlow.js model: it is a device; name a file',
      ],
      [
        'compress models/truncated.json --ratio 0.5 -o out.json',
        'models/truncated.json is not a TensorFlow.js model: it is no JSON; save or fetch it again',
      ],
    ],
  },
  {
    title: 'Data files',
    command: (args) => args,
    cases: [
      [
        'sweep giant-gram.onnx --data npy:X.npy,Y.npy --out results --memory 1000000GB',
        'data: samples have shape [1, 6, 6] but the model takes [400000]; give data made for this model',
      ],
      [
        'evaluate shapes-disagree.onnx --data npy:X.npy,Y.npy',
        'data: samples have shape [1, 6, 6] but the model takes [3]; give data made for this model',
      ],
      [
        'evaluate nan.onnx --data npy:X.npy,Y.npy',
        "nan.onnx: tensor 'fc.weight' has NaN at [2, 0], weights must be finite; export the model again from a sound checkpoint",
      ],
      [
        'evaluate small.onnx --data idx:empty.idx,labels.gz',
        'empty.idx: is not an IDX file, expected to start with 0000, a type 08 to 0e and the number of axes, got nothing',
      ],
      [
        'evaluate small.onnx --data idx:truncated.idx,labels.gz',
        'truncated.idx: is truncated, its header announces 1096 bytes for shape [30, 6, 6], got 100; fetch it again',
      ],
      [
        'evaluate small.onnx --data idx:longer.idx,labels.gz',
        'longer.idx: has bytes left over, its header announces 1096 bytes for shape [30, 6, 6], got 1097; fetch it again',
      ],
      [
        'evaluate small.onnx --data idx:overflow.idx,labels.gz',
        'overflow.idx: announces shape [4294967295, 4294967295, 6], more than the 2 GiB that are read; check the file or split it',
      ],
      [
        'evaluate small.onnx --data idx:truncated.gz,labels.gz',
        'truncated.gz: the gzip stream is truncated; fetch the file again',
      ],
      [
        'evaluate small.onnx --data idx:bomb.gz,labels.gz',
        'bomb.gz: the gzip stream holds more bytes than its header announces; fetch the file again',
      ],
      [
        'evaluate small.onnx --data idx:small.onnx,labels.gz',
        'small.onnx: is not an IDX file, expected to start with 0000, a type 08 to 0e and the number of axes, got 08071204',
      ],
      [
        'evaluate small.onnx --data idx:images.idx,negative.idx',
        'negative.idx: label 0 must be an integer of at least 0, got -1; number the classes from 0',
      ],
      [
        'evaluate small.onnx --data npy:empty.npy,Y.npy',
        'empty.npy: could not be read as .npy (Offset is outside the bounds of the DataView); save it with numpy.save, little-endian',
      ],
      [
        'evaluate small.onnx --data npy:truncated.npy,Y.npy',
        'truncated.npy: holds 68 elements where its shape [30, 1, 6, 6] needs 1080; save it again',
      ],
      [
        'evaluate small.onnx --data npy:nan.npy,Y.npy',
        'nan.npy: has NaN at [2, 0, 0, 3], inputs must be finite; repair or remove that sample',
      ],
      [
        'evaluate small.onnx --data npy:overflow.npy,Y.npy',
        'overflow.npy: holds 4 elements where its shape [1099511627776, 1099511627776] needs 1.2089258196146292e+24; save it again',
      ],
      [
        'evaluate small.onnx --data npy:objects.npy,Y.npy',
        'objects.npy: could not be read as .npy (Unsupported dtype: |O); save it with numpy.save, little-endian',
      ],
      [
        'evaluate small.onnx --data npy:images.idx,Y.npy',
        'images.idx: could not be read as .npy (Not an .npy file); save it with numpy.save, little-endian',
      ],
      [
        'evaluate small.onnx --data npy:X.npy,fractions.npy',
        'fractions.npy: label 0 must be an integer of at least 0, got 0.5; number the classes from 0',
      ],
      [
        'evaluate small.onnx --data folder:broken --label-offset 0',
        'broken/class/text.jpg: could not be decoded (Input buffer contains unsupported image format); replace or remove the image',
      ],
      [
        'evaluate small.onnx --data folder:empty-image --label-offset 0',
        'empty-image/class/empty.png: could not be decoded (Input Buffer is empty); replace or remove the image',
      ],
      [
        'evaluate small.onnx --data folder:bomb --label-offset 0',
        'bomb/class/bomb.png: could not be decoded (Input image exceeds pixel limit); replace or remove the image',
      ],
      ['evaluate small.onnx --data idx:/dev/zero,labels.gz', '/dev/zero: is a device, expected a file'],
    ],
  },
  {
    title: 'Memory',
    command: (args) => args,
    cases: [
      [
        'bench giant-input.onnx giant-input.onnx --batch 1',
        "input 'x' of shape [1, 3, 200000, 200000] needs 480.0 GB of memory, * GB is free: use a smaller batch or model",
      ],
      [
        'compress giant-gram.onnx --ratio 0.5 -o out.onnx --memory 1000000GB',
        "clustering layer 'fc' needs 640.0 GB of memory, * GB is free: lower --memory, or compress fewer layers with --layers",
      ],
      [
        'evaluate giant-input.onnx --data folder:broken',
        'folder: an image of shape [3, 200000, 200000] needs 480.0 GB of memory, * GB is free: give a model with smaller inputs',
      ],
    ],
  },
  {
    title: 'Names that reach prototypes and terminals',
    command: (args) => args,
    cases: [
      [
        'compress models/prototype.json --ratio 0.5 -o out.json',
        'the model has no fully connected layer that can be compressed; dense: a layer of class __proto__: what it does with its weights is not known',
      ],
      [
        'compress names.onnx --ratio nope=0.5 -o out.onnx',
        "unknown layer 'nope': the model has \\u001b[2J__proto__",
      ],
      [
        'compress small.onnx --ratio __proto__=0.5 -o out.onnx',
        "unknown layer '__proto__': the model has fc1, fc2, fc3",
      ],
      [
        'compress small.onnx --ratio constructor=0.5 -o out.onnx',
        "unknown layer 'constructor': the model has fc1, fc2, fc3",
      ],
    ],
  },
  {
    title: 'Shards and threads',
    command: (args) => args,
    cases: [
      [
        'sweep small.onnx --data npy:X.npy,Y.npy --out results --shard 4/3',
        "--shard: expected i/n with i from 1 to n, such as 2/5, got '4/3'",
      ],
      [
        'merge models --out results',
        'there is no models/journal.jsonl: give the folders that sweep --shard i/n --out DIR wrote',
      ],
      [
        'merge no --out results',
        'there is no no/journal.jsonl: give the folders that sweep --shard i/n --out DIR wrote',
      ],
      ['merge models', "required option '--out <folder>' not specified; see --help"],
      [
        'sweep small.onnx --data npy:X.npy,Y.npy --out results --threads 0',
        "--threads: expected a whole number of at least 1, got '0'",
      ],
    ],
  },
];
