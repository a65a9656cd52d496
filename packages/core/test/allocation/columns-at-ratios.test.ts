import { expect, test } from 'vitest';
import { columnsAtRatios } from '../../src/allocation/index.js';
import { compressModel, generatedInputs } from '../../src/index.js';
import { Trials } from '../../src/trials/index.js';
import { chain } from '../labelled-chain.js';

const inputs = generatedInputs(chain.inputs, { samples: 200, seed: 1 });

test('at each ratio it is what that ratio gives for all layers, and it loses more the further it goes', async () => {
  const trials = await Trials.open(chain);
  const ratios = [0.25, 0.5, 0.75];
  const steps: (number | undefined)[] = [];
  const errors: number[] = [];
  const onProgress = ({ done }: { done: number }) => steps.push(done);
  for await (const { ratio, outputError, model } of columnsAtRatios(trials, { inputs, ratios, onProgress })) {
    errors.push(outputError);
    const alone = await compressModel(chain, { ratio, calibration: 'none', reduce: 'columns' });
    expect(model.parameters).toBe(alone.model.parameters);
    for (const { name } of model.layers)
      expect(model.weights(name).data).toEqual(alone.model.weights(name).data);
  }
  expect(steps).toEqual([0, 1, 2]);
  expect(errors).toEqual([...errors].sort((a, b) => a - b));
  expect(errors[0]).toBeGreaterThan(0);
});

test('it ends where it is told to', async () => {
  const trials = await Trials.open(chain);
  const stop = new AbortController();
  const points = columnsAtRatios(trials, { inputs, signal: stop.signal });
  expect((await points.next()).done).toBe(false);
  stop.abort();
  await expect(points.next()).rejects.toThrow('abort');
});
