import { expect, test } from 'vitest';
import { splitBeforeLayers } from '../../src/compression/split-before-layers.js';
import { ChainModel, fc } from '../memory-format.js';

const model = new ChainModel(
  [
    fc('fc1', 6, 5, 1),
    { type: 'sigmoid', name: 'sigmoid' },
    fc('fc2', 4, 6, 2),
    { type: 'relu', name: 'relu' },
    fc('fc3', 3, 4, 3),
  ],
  5,
);

test.each<[string, string[], string[]]>([
  ['with what the layer folds into', ['fc3'], ['fc2', 'fc3']],
  ['with what only the order folds into', ['fc2'], ['fc1', 'fc2', 'fc3']],
  ['nowhere when nothing precedes', ['fc1'], ['fc1', 'fc2', 'fc3']],
])('cuts %s', (_, names, inTail) => {
  const layers = model.layers.filter(({ name }) => names.includes(name));
  const { head, tail } = splitBeforeLayers(model, layers);
  expect(tail.layers.map(({ name }) => name)).toEqual(inTail);
  expect(head?.layers.map(({ name }) => name) ?? []).toEqual(
    ['fc1', 'fc2', 'fc3'].filter((name) => !inTail.includes(name)),
  );
});
