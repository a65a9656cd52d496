import { expect, test } from 'vitest';
import { type FcLayer, type Model, type SkippedLayer, selectLayers } from '../../src/index.js';

function layer(name: string, aliases: readonly string[] = []): FcLayer {
  return { name, aliases, outputs: 1, inputs: 1, input: 'x', shared: false };
}

function modelOf(layers: readonly FcLayer[], skipped: readonly SkippedLayer[] = []): Model {
  return { layers, skipped } as unknown as Model;
}

const [first, second, third] = [layer('fc1', ['Gemm_0']), layer('fc2', ['fc3']), layer('fc3', ['Gemm_2'])];
const model = modelOf(
  [first, second, third],
  [{ name: 'conv', reason: 'it is a convolution', parameters: 9 }],
);

test('all layers when no name is given, none for no names', () => {
  expect(selectLayers(model)).toEqual([first, second, third]);
  expect(selectLayers(model)).not.toBe(model.layers);
  expect(selectLayers(model, [])).toEqual([]);
});

test('layers by name or alias, in the order of the graph, each once', () => {
  expect(selectLayers(model, ['Gemm_2', 'fc1', 'Gemm_0'])).toEqual([first, third]);
});

test('a name goes before an alias', () => {
  expect(selectLayers(model, ['fc3'])).toEqual([third]);
});

test.each([
  ['fc9', 'UNKNOWN_NAME', "unknown layer 'fc9': the model has fc1, fc2, fc3"],
  ['conv', 'UNSUPPORTED', "layer 'conv' cannot be compressed: it is a convolution"],
])('%s is refused', (name, code, message) => {
  expect(() => selectLayers(model, ['fc1', name])).toThrow(expect.objectContaining({ code, message }));
});

test.each([
  [[], 'that takes a product with a constant matrix of floats'],
  [[{ name: 'a', reason: 'quantised weights', parameters: 4 }], 'a: quantised weights'],
  [
    [
      { name: 'a', reason: 'quantised weights', parameters: 6 },
      { name: 'b', reason: 'a convolution', parameters: 5 },
      { name: 'c', reason: 'a convolution', parameters: 4 },
    ],
    'most of its weights are in b and 1 other: a convolution',
  ],
])('a model without layers says why', (skipped, why) => {
  expect(() => selectLayers(modelOf([], skipped))).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED',
      message: `the model has no fully connected layer that can be compressed; ${why}`,
    }),
  );
});
