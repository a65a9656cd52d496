import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { beforeAll, describe, expect, test } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { write } from '../data/data-files.js';
import { SAMPLES, writeSmallFiles } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

interface LayerReport {
  name: string;
  columns: number;
  clusters: number;
  ratio: number;
  sparsity: number;
  folded: boolean;
  relativeError: number;
}

interface CompressReport {
  model: string;
  output: string;
  bytesBefore: number;
  bytesAfter: number;
  verified: { deviation: number | null; against?: string };
  layers: LayerReport[];
  seconds: number;
}

const DATA = 'npy:X.npy,Y.npy';
const folder = temporaryFolder();
beforeAll(() => writeSmallFiles(folder));

const compress = (output: string, ...args: string[]): Promise<CompressReport> =>
  spherizeJson(folder, 'compress', 'small.onnx', '-o', output, '--calibration-samples', '100', ...args);
const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));

describe('a layer of one column', () => {
  test.each([
    ['one column, then one more', [1, 1], '0.9'],
    ['one column in front of several', [1, 3], '0.5'],
    ['one column behind several', [3, 1], '0.5'],
  ])('%s', async (_, [inputs, hidden], ratio) => {
    const b = new ModelBuilder();
    const first = b.node('MatMul', [b.input('x', [undefined, inputs!]), b.weight('fc1', [inputs!, hidden!])]);
    b.node('MatMul', [b.node('Relu', [first]), b.weight('fc2', [hidden!, 2])], {}, ['y']);
    write(folder, 'narrow.onnx', b.output('y', [undefined, 2]).build());
    const more = [[], ['--calibrate', 'generated'], ['--clusterer', 'rank-one']];
    for (const options of more) {
      const args = ['compress', 'narrow.onnx', '-o', 'narrow-out.onnx', '--ratio', ratio, ...options];
      const { layers }: CompressReport = await spherizeJson(folder, ...args);
      for (const [i, columns] of [inputs!, hidden!].entries()) {
        expect(layers[i]).toMatchObject({
          columns,
          clusters: Math.max(1, Math.round(columns * (1 - Number(ratio)))),
        });
      }
      await onnxFormat.read(join(folder, 'narrow-out.onnx'));
    }
  });
});

describe('the report', () => {
  test('as JSON', async () => {
    const report = await compress('report.onnx', '--ratio', '0.5');
    expect(report).toEqual({
      model: 'small.onnx',
      output: 'report.onnx',
      bytesBefore: bytesOf('small.onnx').length,
      bytesAfter: bytesOf('report.onnx').length,
      gzipBytesBefore: gzipSync(bytesOf('small.onnx'), { level: 6 }).length,
      gzipBytesAfter: gzipSync(bytesOf('report.onnx'), { level: 6 }).length,
      parametersBefore: 4 * 10 + 24 * 145 + 16 * 25 + 6 * 17,
      parametersAfter: expect.any(Number),
      macsBefore: 4 * 36 * 9 + 24 * 144 + 16 * 24 + 6 * 16,
      macsAfter: 4 * 36 * 9 + 24 * 72 + 16 * 12 + 6 * 8,
      layers: expect.any(Array),
      reductions: [
        { width: 'fc1', from: 144, to: 72, kind: 'columns' },
        { width: 'fc2', from: 24, to: 12, kind: 'columns' },
        { width: 'fc3', from: 16, to: 8, kind: 'columns' },
      ],
      outputError: expect.any(Number),
      cosine: expect.any(Number),
      agreement: expect.any(Number),
      unseen: { inputs: 'generated', samples: 400 },
      skipped: [
        {
          name: 'conv',
          parameters: 36,
          reason: 'a 3×3 convolution: it reads one channel',
        },
      ],
      latencyBefore: { median: expect.any(Number), quartiles: [expect.any(Number), expect.any(Number)] },
      latencyAfter: { median: expect.any(Number), quartiles: [expect.any(Number), expect.any(Number)] },
      verified: { deviation: expect.any(Number), against: 'explicit form' },
      seconds: expect.any(Number),
    });
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore);
    expect(report.layers.map(({ relativeError, ...layer }) => layer)).toMatchObject([
      { name: 'fc1', columns: 144, clusters: 72, ratio: 0.5, sparsity: 0, folded: false },
      { name: 'fc2', columns: 24, clusters: 12, ratio: 0.5, sparsity: 0, folded: true },
      { name: 'fc3', columns: 16, clusters: 8, ratio: 0.5, sparsity: 0, folded: true },
    ]);
    for (const { relativeError } of report.layers) {
      expect(relativeError).toBeGreaterThan(0);
      expect(relativeError).toBeLessThan(1);
    }
  });

  test('as a table, on stdout alone', async () => {
    const args = ['compress', 'small.onnx', '-o', 'table.onnx', '--ratio', '0.5'];
    const { code, stdout, stderr } = await spherize(folder, ...args);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^layer +columns +clusters +reduction +sparsity +rel\. error +scales\n/);
    expect(stdout).toMatch(/^fc2 +24 +12 +50\.0 % +0\.0 % +0\.\d{4} +folds into fc1/m);
    expect(stdout).toMatch(/^ +before +after +ratio$/m);
    expect(stdout).toMatch(/^multiply-accumulates per sample +5,232 +3,264 +1\.60×$/m);
    expect(stdout).toMatch(
      /^verified: the file computes what was planned, to \d\.\de-\d+ of the largest output \(explicit form\)$/m,
    );
    expect(stdout).toMatch(/\n1\.\d\d × smaller, .*, answers unchanged on \d+\.\d % of 400 unseen inputs\n/);
    expect(stdout).toMatch(/\n0\.017 MB → 0\.01\d MB \(\d\d\.\d %\) in \d+\.\d s: table\.onnx\n$/);
  });
});

describe('the written model', () => {
  test('loads, has the smaller layers and runs', async () => {
    await compress('model.onnx', '--ratio', '0.5');
    const { model } = await onnxFormat.read(join(folder, 'model.onnx'));
    expect(model.layers.map(({ name, outputs, inputs }) => [name, outputs, inputs])).toEqual([
      ['fc1', 24, 72],
      ['fc2', 16, 12],
      ['fc3', 6, 8],
    ]);
    expect(await spherizeJson(folder, 'evaluate', 'model.onnx', '--data', DATA)).toMatchObject({
      model: 'model.onnx',
      samples: SAMPLES,
    });
  });

  test('ρ = 0 loses nothing', async () => {
    const { layers, verified } = await compress('whole.onnx', '--ratio', '0');
    expect(verified).toEqual({ deviation: expect.any(Number), against: 'original' });
    expect(layers.map(({ ratio, relativeError }) => [ratio, relativeError])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    const accuracy = async (model: string) => {
      const args = ['evaluate', model, '--data', DATA];
      const { top1, top5 } = await spherizeJson<{ top1: number; top5: number }>(folder, ...args);
      return { top1, top5 };
    };
    expect(await accuracy('whole.onnx')).toEqual(await accuracy('small.onnx'));
  });

  test('replaces a file of that name, the model itself too', async () => {
    const own = temporaryFolder();
    writeSmallFiles(own);
    const before = readdirSync(own).sort();
    const args = ['compress', 'small.onnx', '-o', 'small.onnx', '--ratio', '0.5'];
    const { bytesBefore, bytesAfter } = await spherizeJson<CompressReport>(own, ...args);
    expect(bytesAfter).toBeLessThan(bytesBefore);
    expect(readFileSync(join(own, 'small.onnx')).length).toBe(bytesAfter);
    expect(readdirSync(own).sort()).toEqual([...before, 'small.recipe.json'].sort());
  });
});

describe('--ratio and --layers', () => {
  test.each([
    [['--ratio', '0.75'], { fc1: 36, fc2: 6, fc3: 4 }],
    [['--ratio', 'fc2=0.5'], { fc2: 12 }],
    [['--ratio', 'fc1=0.5', '--ratio', 'fc3=0.25'], { fc1: 72, fc3: 12 }],
    [['--ratio', 'fc1=0.5,fc3=0.25'], { fc1: 72, fc3: 12 }],
    [['--ratio', '0.5', '--ratio', 'fc3=0'], { fc1: 72, fc2: 12, fc3: 16 }],
    [['--ratio', '0.5,fc3=0.75'], { fc1: 72, fc2: 12, fc3: 4 }],
    [['--ratio', '0.5', '--layers', 'fc3,fc1'], { fc1: 72, fc3: 8 }],
    [['--ratio', '0.5,fc3=0.75', '--layers', 'fc1,fc3'], { fc1: 72, fc3: 4 }],
    // By the node's name.
    [['--ratio', 'fc2.node=0.5'], { fc2: 12 }],
    [['--ratio', '0.5', '--layers', 'fc2.node'], { fc2: 12 }],
    // max(1, round(n · (1 − ρ)))
    [['--ratio', '0.99'], { fc1: 1, fc2: 1, fc3: 1 }],
  ])('%j', async (args, clusters) => {
    const { layers } = await compress('ratio.onnx', ...args);
    expect(Object.fromEntries(layers.map((layer) => [layer.name, layer.clusters]))).toEqual(clusters);
  });
});

describe('--sparsity', () => {
  test('prunes each layer to this share of zeros, to the nearest weight', async () => {
    const { layers } = await compress('sparse.onnx', '--ratio', '0.5', '--sparsity', '0.9');
    const sizes = [24 * 144, 16 * 24, 6 * 16];
    expect(layers.map(({ sparsity }) => sparsity)).toEqual(
      sizes.map((size) => Math.round(0.9 * size) / size),
    );
  });
});

describe('--clusterer and --algorithm', () => {
  test.each(['kmeans', 'spherical'])('%s with both algorithms', async (clusterer) => {
    const sums: number[] = [];
    for (const algorithm of ['lloyd', 'hartigan']) {
      const output = `${clusterer}-${algorithm}.onnx`;
      const args = ['--ratio', '0.5', '--clusterer', clusterer, '--algorithm', algorithm];
      const { layers } = await compress(output, ...args);
      sums.push(layers.reduce((sum, layer) => sum + layer.relativeError ** 2, 0));
    }
    expect(bytesOf(`${clusterer}-lloyd.onnx`)).not.toEqual(bytesOf(`${clusterer}-hartigan.onnx`));
    if (clusterer === 'kmeans') expect(sums[1]).toBeLessThan(sums[0]!);
  });

  test('the default is rank-one, refitted on inputs that are made up', async () => {
    const { layers } = await compress('default.onnx', '--ratio', '0.5');
    for (const layer of layers) expect(layer).toHaveProperty('calibration');
    const named = ['--clusterer', 'rank-one', '--calibrate', 'generated', '--seed', '0'];
    await compress('named.onnx', '--ratio', '0.5', ...named);
    expect(bytesOf('named.onnx')).toEqual(bytesOf('default.onnx'));
  });

  test('an algorithm by itself is one of spherical clustering', async () => {
    await compress('lloyd.onnx', '--ratio', '0.5', '--algorithm', 'lloyd');
    await compress('named.onnx', '--ratio', '0.5', '--clusterer', 'spherical', '--algorithm', 'lloyd');
    expect(bytesOf('named.onnx')).toEqual(bytesOf('lloyd.onnx'));
  });

  test("--paper is spherical clustering by Lloyd's algorithm, with nothing refitted", async () => {
    const { layers } = await compress('paper.onnx', '--ratio', '0.5', '--paper');
    for (const layer of layers) expect(layer).not.toHaveProperty('calibration');
    const named = ['--clusterer', 'spherical', '--algorithm', 'lloyd', '--calibrate', 'none'];
    await compress('named.onnx', '--ratio', '0.5', ...named);
    expect(bytesOf('named.onnx')).toEqual(bytesOf('paper.onnx'));
    await spherizeJson(folder, 'compress', '--config', 'paper.recipe.json', '-o', 'again.onnx');
    expect(bytesOf('again.onnx')).toEqual(bytesOf('paper.onnx'));
  });
});

describe.each(['kmeans', 'spherical'])('%s is deterministic', (clusterer) => {
  const run = (output: string, seed: string) =>
    compress(output, '--ratio', '0.5', '--clusterer', clusterer, '--algorithm', 'lloyd', '--seed', seed);

  test('the same seed gives the same bytes, another one others', async () => {
    await run('first.onnx', '3');
    await run('second.onnx', '3');
    await run('other.onnx', '4');
    expect(bytesOf('second.onnx')).toEqual(bytesOf('first.onnx'));
    expect(bytesOf('other.onnx')).not.toEqual(bytesOf('first.onnx'));
  });
});

describe('convolutions', () => {
  /** Two convolutions with Relu between them, and a fully connected layer behind. */
  function writeConvolutions(): void {
    const b = new ModelBuilder();
    const x = b.input('x', [undefined, 1, 8, 8]);
    const first = b.node('Conv', [x, b.weight('conv1.weight', [12, 1, 3, 3]), b.weight('conv1.bias', [12])]);
    const second = b.node('Conv', [b.node('Relu', [first]), b.weight('conv2.weight', [6, 12, 3, 3])]);
    const flat = b.node('Flatten', [b.node('Relu', [second])]);
    b.node('Gemm', [flat, b.weight('fc.weight', [5, 96])], { transB: 1 }, ['y']);
    write(folder, 'convs.onnx', b.output('y', [undefined, 5]).build());
  }

  test('are listed, and compressed where they are named', async () => {
    writeConvolutions();
    const { layers, skipped } = await spherizeJson<{ layers: object[]; skipped: { name: string }[] }>(
      folder,
      'inspect',
      'convs.onnx',
    );
    expect(layers).toMatchObject([
      { name: 'conv2', kind: 'convolution', kernel: [3, 3], outputs: 6, inputs: 12, parameters: 648 },
      { name: 'fc', kind: 'product' },
    ]);
    expect(layers[0]).toMatchObject({ fold: { into: 'conv_0', reason: 'folds into conv_0 through relu_1' } });
    expect(skipped).toEqual([]);
    const args = ['compress', 'convs.onnx', '-o', 'convs-out.onnx', '--calibrate', 'generated'];
    const report = await spherizeJson<CompressReport & { skipped: { name: string; reason: string }[] }>(
      folder,
      ...args,
      '--ratio',
      'conv2=0.5',
    );
    expect(report.layers).toMatchObject([
      {
        name: 'conv2',
        columns: 12,
        clusters: 6,
        folded: true,
        calibration: { layer: 'conv2', errorAfter: expect.any(Number) },
      },
    ]);
    expect(report.verified.deviation).toBeLessThan(1e-4);
    expect(report.skipped.map(({ name }) => name)).toEqual(['conv1']);
    const others: CompressReport = await spherizeJson(folder, ...args, '--ratio', '0.5');
    expect(others.layers.map(({ name }) => name)).toEqual(['fc']);
    const both: CompressReport = await spherizeJson(
      folder,
      ...args,
      '--ratio',
      '0.5',
      '--layers',
      'conv2,fc',
    );
    expect(both.layers.map(({ name, clusters }) => [name, clusters])).toEqual([
      ['conv2', 6],
      ['fc', 48],
    ]);
    const { code, stderr } = await spherize(
      folder,
      ...args.slice(0, 4),
      ...['--target-speedup', '2', '--layers', 'conv2', '--reduce', 'columns'],
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining('conv2 is a convolution')]);
  });
});
