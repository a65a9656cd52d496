import { describe, expect, test } from 'vitest';
import { columnsToError } from '../../src/allocation/index.js';
import { generatedInputs } from '../../src/index.js';
import { Trials } from '../../src/trials/index.js';
import { chain } from '../labelled-chain.js';

const inputs = generatedInputs(chain.inputs, { samples: 200, seed: 1 });

describe.each([0.3, 0.15])('an error of %d', (maxError) => {
  test('is kept and nearly used, and the result is proved', async () => {
    const trials = await Trials.open(chain);
    const { result, reached } = await columnsToError(trials, maxError, { inputs });
    expect(reached.maxError).toBe(maxError);
    expect(reached.reached).toBeLessThanOrEqual(maxError);
    expect(reached.reached).toBeGreaterThan(0.3 * maxError);
    expect(result.proof).toMatchObject({ against: 'explicit form' });
    const layers = new Map(result.layers.map(({ name, clusters }) => [name, clusters]));
    const again = await Trials.open(chain);
    expect(
      (await columnsToError(again, maxError, { inputs })).result.layers.map(({ clusters }) => clusters),
    ).toEqual([...layers.values()]);
  });
});

test('a larger error leaves a smaller model', async () => {
  const reduced = async (maxError: number) =>
    (await columnsToError(await Trials.open(chain), maxError, { inputs })).result;
  const [mild, strong] = [await reduced(0.15), await reduced(0.3)];
  expect(strong.model.parameters).toBeLessThan(mild.model.parameters);
});

test('an error that nothing keeps leaves the model as it is', async () => {
  const { result, reached } = await columnsToError(await Trials.open(chain), 1e-12, { inputs });
  expect(reached.reached).toBe(0);
  expect(result.layers.every(({ columns, clusters }) => clusters === columns)).toBe(true);
  expect(result.model.parameters).toBe(chain.parameters);
});
