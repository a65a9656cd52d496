/** `--reduce`: features leave widths, and the outputs are compared on inputs that no refit has seen. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ModelBuilder, randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { write } from '../data/data-files.js';
import { writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface Report {
  bytesBefore: number;
  bytesAfter: number;
  layers: unknown[];
  reductions: { width: string; from: number; to: number; kind: string }[];
  outputError: number;
  agreement: number | null;
  unseen: { inputs: string; samples: number };
  skipped: { name: string }[];
  verified: { deviation: number; against: string };
}

/** A ridge regression keeps a little from fitting exactly. */
const RIDGE = 1e-4;

const folder = temporaryFolder();
beforeAll(() => {
  writeSmallFiles(folder);
  write(folder, 'gelu.onnx', perceptron());
  write(folder, 'two-inputs.onnx', twoInputs());
  write(folder, 'both.onnx', convolutionsAndLayers());
});

/** `x → fc1 → Erf → fc2`, of which the second half of the hidden neurons repeats the first. */
function perceptron(): Uint8Array {
  const b = new ModelBuilder();
  const half = randomValues(12 * 8, 1);
  const weights = new Float32Array(12 * 16);
  for (let row = 0; row < 12; row++) {
    weights.set(half.subarray(row * 8, (row + 1) * 8), row * 16);
    weights.set(half.subarray(row * 8, (row + 1) * 8), row * 16 + 8);
  }
  const hidden = b.node('MatMul', [b.input('x', [undefined, 12]), b.weight('fc1', [12, 16], weights)]);
  b.node('MatMul', [b.node('Erf', [hidden]), b.weight('fc2', [16, 4])], {}, ['y']);
  return b.output('y', [undefined, 4]).build();
}

function twoInputs(): Uint8Array {
  const b = new ModelBuilder();
  const sum = b.node('Add', [b.input('a', [undefined, 6]), b.input('b', [undefined, 6])]);
  const hidden = b.node('Relu', [b.node('MatMul', [sum, b.weight('fc1', [6, 8])])]);
  b.node('MatMul', [hidden, b.weight('fc2', [8, 3])], {}, ['y']);
  return b.output('y', [undefined, 3]).build();
}

/** Two convolutions that take most of the time, then two layers. */
function convolutionsAndLayers(): Uint8Array {
  const b = new ModelBuilder();
  const weight = (name: string, shape: readonly number[], seed: number): string => {
    const count = shape.reduce((all, length) => all * length, 1);
    // A third of the values, three times, and a little noise: there is something that can leave.
    const [base, noise] = [randomValues(count, seed), randomValues(count, seed + 9)];
    return b.weight(
      name,
      shape,
      noise.map((value, at) => base[at % Math.ceil(count / 3)]! + 0.02 * value),
    );
  };
  const x = b.input('x', [undefined, 1, 39, 39]);
  const first = b.node('Relu', [b.node('Conv', [x, weight('conv1', [24, 1, 3, 3], 1)])]);
  const second = b.node('Relu', [b.node('Conv', [first, weight('conv2', [18, 24, 3, 3], 2)])]);
  const pooled = b.node('MaxPool', [second], { kernel_shape: [7, 7], strides: [7, 7] });
  const layer = b.node('MatMul', [b.node('Flatten', [pooled]), weight('fc', [18 * 5 * 5, 12], 3)]);
  b.node('MatMul', [b.node('Relu', [layer]), weight('out', [12, 4], 4)], {}, ['y']);
  return b.output('y', [undefined, 4]).build();
}

const compress = (model: string, output: string, ...args: string[]): Promise<Report> =>
  spherizeJson(folder, 'compress', model, '-o', output, ...args);
const nodesOf = async (name: string): Promise<string[]> => {
  const { decodeModel } = await import('../../../../packages/adapters-onnx/src/proto/decode-model.js');
  return decodeModel(readFileSync(join(folder, name)), name).graph!.node.map(({ opType }) => opType);
};

describe('neurons', () => {
  test('leave all widths, and no operation is added', async () => {
    const report = await compress('small.onnx', 'half.onnx', '--reduce', 'neurons', '--ratio', '0.5');
    expect(report.reductions).toEqual([
      { width: 'conv', from: 4, to: 2, kind: 'neurons' },
      { width: 'fc1', from: 24, to: 12, kind: 'neurons' },
      { width: 'fc2', from: 16, to: 8, kind: 'neurons' },
    ]);
    expect(report).toMatchObject({ layers: [], skipped: [], verified: { against: 'masked form' } });
    expect(report.outputError > 0 && report.outputError < 1).toBe(true);
    expect(report.agreement! > 0.5 && report.agreement! <= 1).toBe(true);
    expect(report.unseen).toEqual({ inputs: 'generated', samples: 400 });
    expect(report.bytesAfter).toBeLessThan(0.55 * report.bytesBefore);
    expect(await nodesOf('half.onnx')).toEqual(await nodesOf('small.onnx'));
  });

  test('duplicates that leave change nothing', async () => {
    for (const refit of ['none', 'generated']) {
      const report = await compress(
        'gelu.onnx',
        'same.onnx',
        '--reduce',
        'neurons',
        '--ratio',
        '0.5',
        '--calibrate',
        refit,
      );
      expect(report.reductions).toEqual([{ width: 'fc1', from: 16, to: 8, kind: 'neurons' }]);
      expect(report.outputError).toBeLessThan(RIDGE);
      expect(report.agreement).toBe(1);
    }
  });

  test('of the widths that are named, rounded up to multiples', async () => {
    const named = ['--ratio', 'fc1=0.6', '--round-to', '4'];
    const { reductions } = await compress('small.onnx', 'named.onnx', '--reduce', 'neurons', ...named);
    expect(reductions).toEqual([{ width: 'fc1', from: 24, to: 12, kind: 'neurons' }]);
  });

  test('a ratio of 0 is the original, refitted or not', async () => {
    const { verified, outputError } = await compress(
      'small.onnx',
      'all.onnx',
      '--reduce',
      'neurons',
      '--ratio',
      '0',
    );
    expect(verified.against).toBe('original');
    expect(outputError).toBeLessThan(1e-9);
  });

  test('several inputs are made up together', async () => {
    const { unseen, reductions } = await compress(
      'two-inputs.onnx',
      'two-half.onnx',
      '--reduce',
      'neurons',
      '--ratio',
      '0.5',
    );
    expect(unseen).toEqual({ inputs: 'generated', samples: 400 });
    expect(reductions).toEqual([{ width: 'fc1', from: 8, to: 4, kind: 'neurons' }]);
  });

  test('a recipe gives the same bytes', async () => {
    await compress('small.onnx', 'once.onnx', '--reduce', 'neurons', '--ratio', '0.4', '--seed', '3');
    const recipe = JSON.parse(readFileSync(join(folder, 'once.recipe.json'), 'utf8'));
    expect(recipe).toMatchObject({ reduce: 'neurons', widths: 'all', ratio: 0.4 });
    await spherizeJson(folder, 'compress', '--config', 'once.recipe.json', '-o', 'again.onnx');
    expect(readFileSync(join(folder, 'again.onnx')).equals(readFileSync(join(folder, 'once.onnx')))).toBe(
      true,
    );
  });

  test('as a table', async () => {
    const args = ['compress', 'small.onnx', '-o', 'table.onnx', '--reduce', 'neurons', '--ratio', '0.5'];
    const { code, stdout, stderr } = await spherize(folder, ...args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^width +from +to +less +by\n/);
    expect(stdout).toMatch(/^fc1 +24 +12 +50\.0 % +neurons$/m);
    expect(stdout).toMatch(
      /^on 400 unseen inputs \(generated\): output error [\d.]+ %, the same largest score for [\d.]+ %$/m,
    );
  });
});

describe('columns', () => {
  test('are told in the same words', async () => {
    const report = await compress('small.onnx', 'columns.onnx', '--ratio', '0.5');
    expect(report.reductions).toEqual([
      { width: 'fc1', from: 144, to: 72, kind: 'columns' },
      { width: 'fc2', from: 24, to: 12, kind: 'columns' },
      { width: 'fc3', from: 16, to: 8, kind: 'columns' },
    ]);
    expect(report.outputError).toBeGreaterThan(0);
  });

  test('unseen inputs are others of the data that refitted', async () => {
    const data = ['--calibrate', 'npy:X.npy,Y.npy', '--calibration-samples', '20'];
    const { unseen } = await compress('small.onnx', 'data.onnx', '--ratio', '0.5', ...data);
    expect(unseen.inputs).toContain('npy:');
    expect(unseen.samples).toBeGreaterThan(0);
  });
});

describe('auto', () => {
  test('takes of each width what loses less, with as many parameters', async () => {
    const report = await compress('small.onnx', 'auto.onnx', '--reduce', 'auto', '--ratio', '0.25');
    expect(report.reductions.map(({ width }) => width)).toEqual(['conv', 'fc1', 'fc2']);
    const kinds = new Set(report.reductions.map(({ kind }) => kind));
    for (const kind of kinds) expect(['columns', 'neurons']).toContain(kind);
    const other = await compress('small.onnx', 'other.onnx', '--reduce', 'neurons', '--ratio', '0.25');
    expect(report.outputError).toBeLessThanOrEqual(other.outputError * 1.2);
  });

  test('duplicates leave as neurons, which lose nothing', async () => {
    const report = await compress('gelu.onnx', 'auto-gelu.onnx', '--reduce', 'auto', '--ratio', '0.5');
    expect(report.reductions).toEqual([{ width: 'fc1', from: 16, to: 8, kind: 'neurons' }]);
  });
});

describe('scan', () => {
  test('measures widths one at a time', async () => {
    const args = [
      'scan',
      'small.onnx',
      '--reduce',
      'neurons',
      '--ratios',
      '0,0.5',
      '--data',
      'npy:X.npy,Y.npy',
    ];
    const { widths, baseline } = await spherizeJson<{
      widths: { name: string; size: number; points: { to: number; outputError: number; top1: number }[] }[];
      baseline: { top1: number };
    }>(folder, ...args);
    expect(widths.map(({ name, size, points }) => [name, size, points.map(({ to }) => to)])).toEqual([
      ['conv', 4, [4, 2]],
      ['fc1', 24, [24, 12]],
      ['fc2', 16, [16, 8]],
    ]);
    for (const { points } of widths) {
      expect(points[0]!.outputError).toBeLessThan(1e-9);
      expect(points[0]!.top1).toBe(baseline.top1);
      expect(points[1]!.outputError).toBeGreaterThan(0);
    }
  });

  test('as a table, of those that are named', async () => {
    const args = [
      'scan',
      'small.onnx',
      '--reduce',
      'auto',
      '--ratios',
      '0.25',
      '--layers',
      'fc2',
      '--calibrate',
      'none',
    ];
    const { code, stdout } = await spherize(folder, ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^width +features +parameters +0\.25\n─+\nfc2 +16 +496 +[\d.]+ %\n\nOne width reduced/,
    );
  });
});

describe('sweep', () => {
  test('rows of narrower models, with lines of reference', async () => {
    const args = ['--data', 'npy:X.npy,Y.npy', '--out', 'swept', '--reduce', 'neurons', '--ratios', '0,0.5'];
    const { rows, references, baseline, layers } = await spherizeJson<{
      rows: {
        clusterer: string;
        ratio: number;
        reduce: string;
        top1: number;
        parameters: number;
        reductions: { to: number }[];
      }[];
      references: { clusterer: string }[];
      baseline: { top1: number; parameters: number };
      layers: string[];
    }>(folder, 'sweep', 'small.onnx', ...args);
    expect(layers).toEqual(['conv', 'fc1', 'fc2']);
    expect(rows.map(({ clusterer, ratio, reduce }) => [clusterer, ratio, reduce])).toEqual(
      ['kmeans', 'spherical'].flatMap((clusterer) => [0, 0.5].map((ratio) => [clusterer, ratio, 'neurons'])),
    );
    expect(rows[0]).toMatchObject({ top1: baseline.top1, parameters: baseline.parameters });
    expect(rows[1]!.reductions.map(({ to }) => to)).toEqual([2, 12, 8]);
    expect(rows[1]!.parameters).toBeLessThan(0.6 * baseline.parameters);
    expect(new Set(references.map(({ clusterer }) => clusterer))).toEqual(new Set(['l2-slice', 'random']));
    expect(readFileSync(join(folder, 'swept', 'report.html'), 'utf8')).toContain(
      'kmeans (hartigan, neurons)',
    );
  });
});

describe('targets', () => {
  interface Reached {
    target: { share: number; reached: number; drop?: number };
    bytesBefore: number;
    bytesAfter: number;
    macsBefore: number;
    macsAfter: number;
  }
  const reach = (output: string, ...args: string[]): Promise<Reached> =>
    spherizeJson(folder, 'compress', 'small.onnx', '-o', output, '--reduce', 'neurons', ...args);

  test('a share of the bytes', async () => {
    const { target, bytesBefore, bytesAfter } = await reach('size.onnx', '--target-size', '0.5');
    expect(bytesAfter).toBeLessThanOrEqual(0.5 * bytesBefore);
    expect(bytesAfter).toBeGreaterThan(0.35 * bytesBefore);
    expect(target.reached).toBe(bytesAfter / bytesBefore);
  });

  test('fewer multiply-accumulates', async () => {
    const { target, macsBefore, macsAfter } = await reach('speed.onnx', '--target-speedup', '2');
    expect(macsBefore / macsAfter).toBeGreaterThanOrEqual(2);
    expect(target.reached).toBe(macsBefore / macsAfter);
  });

  test('a latency model that is measured goes into the recipe, which makes the same file', async () => {
    const args = ['compress', 'small.onnx', '-o', 'timed.onnx', '--reduce', 'neurons', '--max-error', '0.1'];
    await spherizeJson(folder, ...args, '--measure');
    const written = readFileSync(join(folder, 'timed.onnx'));
    const recipe = JSON.parse(readFileSync(join(folder, 'timed.recipe.json'), 'utf8'));
    expect(recipe['latency-model']).toMatch(/^(\w+=[\d.e+-]+,?)+$/);
    expect(recipe).not.toHaveProperty('measure');
    await spherizeJson(folder, 'compress', '--config', 'timed.recipe.json', '-o', 'again.onnx');
    expect(written.equals(readFileSync(join(folder, 'again.onnx')))).toBe(true);
  });

  test('what cannot be reached is refused with what can', async () => {
    const args = ['compress', 'small.onnx', '-o', 'no.onnx', '--reduce', 'neurons', '--target-size', '0.01'];
    const { code, stderr } = await spherize(folder, ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^spherize: --target-size 0\.01: widths at their narrowest leave 0\.\d+: give at least that\n$/,
    );
  });
});

describe('both', () => {
  const kinds = ({ reductions }: Report) =>
    reductions.flatMap(({ width, from, to, kind }) => (to < from ? [[width, kind]] : []));

  test('keep an error together, and the recipe makes the same file', async () => {
    const report = await compress('both.onnx', 'error.onnx', '--reduce', 'both', '--max-error', '0.1');
    expect(kinds(report)).toEqual([
      ['conv1', 'neurons'],
      ['fc:neurons', 'neurons'],
      ['fc', 'columns'],
    ]);
    expect(report.outputError).toBeLessThan(0.15);
    const bytes = readFileSync(join(folder, 'error.onnx'));
    await spherizeJson(folder, 'compress', 'both.onnx', '--config', 'error.recipe.json');
    expect(readFileSync(join(folder, 'error.onnx')).equals(bytes)).toBe(true);
  });

  test('takes ratios of layers and of widths', async () => {
    const ratios = ['--reduce', 'both', '--ratio', 'conv1=0.5,fc:neurons=0.75,fc=0.25'];
    const report = await compress('both.onnx', 'ratios.onnx', ...ratios);
    expect(report.reductions).toEqual([
      { width: 'conv1', from: 24, to: 12, kind: 'neurons' },
      { width: 'fc:neurons', from: 12, to: 3, kind: 'neurons' },
      { width: 'fc', from: 450, to: 338, kind: 'columns' },
    ]);
  });
});
