/** How many entries the tables have that look up a model's inputs. */
import { expect, test } from 'vitest';
import { tfjsModel } from '../src/node.js';
import { GraphBuilder } from './build-graph-model.js';
import { artifactsOf, tfl } from './build-layers-model.js';

test('of a GraphModel, through what gives numbers on', async () => {
  const b = new GraphBuilder();
  const ids = b.input('ids', [undefined, 4], 'DT_INT32');
  const flat = b.node('Reshape', 'flat', [b.node('Cast', 'cast', [ids]), b.integers('shape', [-1])]);
  const axis = b.integers('axis', [0], true);
  const words = b.node('GatherV2', 'words', [b.weight('large', [50, 3]), flat, axis]);
  const letters = b.node('GatherV2', 'letters', [b.weight('small', [20, 3]), ids, axis]);
  b.input('x', [undefined, 3]);
  const model = await tfjsModel(b.output(words, [undefined, 3]).output(letters, [undefined, 4, 3]).build());
  expect(model.inputs.map(({ name, entries }) => [name, entries])).toEqual([
    ['ids', 20],
    ['x', undefined],
  ]);
});

test('of a LayersModel', async () => {
  const words = tfl.input({ shape: [4], name: 'words', dtype: 'int32' });
  const x = tfl.input({ shape: [4, 3], name: 'x' });
  const looked = tfl.layers.embedding({ inputDim: 50, outputDim: 3 }).apply(words) as tfl.SymbolicTensor;
  const sum = tfl.layers.add().apply([looked, x]) as tfl.SymbolicTensor;
  const model = await tfjsModel(await artifactsOf(tfl.model({ inputs: [words, x], outputs: sum })));
  expect(model.inputs.map(({ entries }) => entries)).toEqual([50, undefined]);
  const alone = tfl.sequential({
    layers: [tfl.layers.embedding({ inputDim: 7, outputDim: 3, inputLength: 4 })],
  });
  expect((await tfjsModel(await artifactsOf(alone))).inputs.map(({ entries }) => entries)).toEqual([7]);
});
