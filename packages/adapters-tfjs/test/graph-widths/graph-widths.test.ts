/** Features leave graph models: with none gone, and with duplicates gone, the outputs stay as they are. */
import { getBackend, setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNodeBackend, tfjsModel } from '../../src/node.js';
import { described, inputsOf, likeZeros, sameWhereNothingLeaves, sameWithoutDuplicates } from './checks.js';
import { EINSUMS, NETWORKS, type Network } from './networks.js';
import { PlantedBuilder } from './planted.js';

function modelOf({ build }: Network) {
  const b = new PlantedBuilder();
  build(b);
  return tfjsModel(b.build());
}

function behaves(network: Network): void {
  const inputs = inputsOf(network.shape);

  test('has these widths', async () => {
    expect(described(await modelOf(network))).toEqual(network.widths);
  });

  test('computes the same where nothing leaves', async () => {
    await sameWhereNothingLeaves(await modelOf(network), inputs);
  });

  test('computes the same where half of the features leave, which are duplicates', async () => {
    // Duplicates lie in the same block, or are two blocks that are alike.
    await sameWithoutDuplicates(
      await modelOf(network),
      inputs,
      ({ blocks, name }) => blocks.length === 1 && network.plain?.includes(name) !== true,
    );
  });

  test('computes what the original does with zeros for what leaves, for any share and with refitting', async () => {
    await likeZeros(await modelOf(network), inputs);
  });
}

describe.each(Object.entries(NETWORKS))('%s', (_, network) => behaves(network));

describe('on the cpu backend', () => {
  let backend = '';
  beforeAll(async () => {
    await startNodeBackend();
    await import('@tensorflow/tfjs-backend-cpu');
    backend = getBackend();
    await setBackend('cpu');
  });
  afterAll(async () => {
    await setBackend(backend);
  });
  describe.each(Object.entries(EINSUMS))('%s', (_, network) => behaves(network));
});
