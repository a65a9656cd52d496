/** What narrower graphs are made of: the same nodes and types, and lengths that follow. */
import { findWidths, InputError, portableEngine, reduceNeurons, spherical } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { tfjsModel } from '../../src/node.js';
import { described } from './checks.js';
import { IMAGE, PlantedBuilder } from './planted.js';

const METHOD = { engine: portableEngine, clusterer: spherical };

/** conv → Reshape with a recorded shape → MatMul. */
function graph(target: (b: PlantedBuilder, made: string) => string): io.ModelArtifacts {
  const b = new PlantedBuilder();
  const made = b.conv(b.input('x', [undefined, 2, 2, 3]), 'conv', [1, 3, 8], 'Relu');
  const flat = b.node('Reshape', 'flat', [made, target(b, made)], {
    _output_shapes: { list: { shape: [{ dim: [{ size: '-1' }, { size: '32' }] }] } },
  });
  return b.output(b.dense(flat, 'fc', 32, 4), [undefined, 4]).build();
}

interface Held {
  artifacts: {
    topology: { node: { name: string; op: string; attr: Record<string, unknown> }[] };
    weights: Map<string, { spec: io.WeightsManifestEntry }>;
  };
}

test('weights keep the type that stores them, and recorded shapes go', async () => {
  const artifacts = graph((b) => b.ints([-1, 32]));
  const specs = artifacts.weightSpecs!;
  const at = specs.findIndex(({ name }) => name === 'conv/kernel');
  const data = artifacts.weightData as ArrayBuffer[];
  specs[at] = { ...specs[at]!, quantization: { dtype: 'uint8', scale: 0.01, min: -1 } };
  data[at] = Uint8Array.from({ length: 24 }, (_, i) => 7 * (i % 4) + 40 * Math.floor(i / 8)).buffer;
  const model = await tfjsModel(artifacts);
  const { model: narrower } = await reduceNeurons(model, new Map([['conv', 0.5]]), METHOD);
  const { topology, weights } = (narrower as unknown as Held).artifacts;
  expect(weights.get('conv/kernel')!.spec).toMatchObject({
    shape: [1, 1, 3, 4],
    quantization: { dtype: 'uint8' },
  });
  expect(weights.get('conv/bias')!.spec.shape).toEqual([4]);
  expect(weights.get('fc/kernel')!.spec.shape).toEqual([16, 4]);
  expect(topology.node.find(({ name }) => name === 'flat')!.attr).not.toHaveProperty('_output_shapes');
});

test('a length that does not follow the features is refused', async () => {
  // The place of a number that is computed from a constant alone is not found.
  const model = await tfjsModel(
    graph((b, made) => {
      const batch = b.op('StridedSlice', [b.op('Shape', [made]), b.ints([0]), b.ints([1]), b.ints([1])], {});
      const width = b.op('Mul', [b.ints([16]), b.ints([2])]);
      return b.op('ConcatV2', [batch, width, b.ints([0], true)], { N: { i: '2' } });
    }),
  );
  await expect(reduceNeurons(model, new Map([['conv', 0.5]]), METHOD)).rejects.toThrow(
    new InputError(
      'UNSUPPORTED',
      'flat: the graph computes its length 32 in a way that does not follow its features, of which 16 are left',
    ),
  );
});

test('channels that come first are followed', async () => {
  const b = new PlantedBuilder();
  const first = { ...IMAGE, data_format: { s: btoa('NCHW') } };
  const x = b.input('x', [undefined, 3, 6, 6]);
  const made = b.op('Conv2D', [x, b.weight('conv/kernel', [3, 3, 3, 8])], first);
  const added = b.op('BiasAdd', [made, b.weight('bias', [8])], first);
  const vectors = ['scale', 'shift', 'mean', 'variance'].map((name) => b.weight(name, [8]));
  const norm = b.op('FusedBatchNormV3', [added, ...vectors], first);
  const deep = b.op('DepthwiseConv2dNative', [norm, b.weight('deep/kernel', [3, 3, 8, 1])], first);
  const pooled = b.op('MaxPool', [b.op('Pad', [deep, b.ints([0, 0, 0, 0, 1, 1, 1, 1], [4, 2])])], {
    ...first,
    ksize: { list: { i: ['1', '1', '2', '2'] } },
  });
  const y = b.op('Conv2D', [pooled, b.weight('last/kernel', [1, 1, 8, 4])], first);
  const model = await tfjsModel(b.output(y, [undefined, 4, 8, 8]).build());
  expect(described(model)).toEqual(['conv 8 1: conv > last', 'last: conv2d is an output of the model']);
  const [width] = findWidths(model.graph).widths;
  expect(width!.operations.map((name) => name.replace(/_\d+/, ''))).toEqual([
    'deep',
    'biasadd',
    'fusedbatchnormv3',
  ]);
});
