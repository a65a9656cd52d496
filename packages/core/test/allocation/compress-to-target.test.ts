import { expect, test } from 'vitest';
import {
  compressToTarget,
  lossCurves,
  measureCurves,
  memoryMeasurements,
} from '../../src/allocation/index.js';
import { InputError } from '../../src/index.js';
import { OutputProbe, Trials } from '../../src/trials/index.js';
import { chain, labelledData } from '../labelled-chain.js';

const data = await labelledData(240);
const few = await labelledData(40);
const bytesOf = async (model: typeof chain | { parameters: number }) => 4 * model.parameters;
const size = { size: 0.5, bytes: 4 * chain.parameters, bytesOf };

test('a size is kept and nearly used, the result is proved', async () => {
  const trials = await Trials.open(chain);
  const { result, reached } = await compressToTarget(trials, size, { data: few });
  expect(await bytesOf(result.model)).toBeLessThanOrEqual(size.size * size.bytes);
  expect(reached).toEqual({ size: 0.5, reached: (await bytesOf(result.model)) / size.bytes });
  expect(result.proof).toMatchObject({ against: 'explicit form' });
});

test('a drop is kept on samples that chose nothing', async () => {
  const trials = await Trials.open(chain);
  const { reached } = await compressToTarget(trials, { maxDrop: 0.2 }, { data });
  expect(reached).toMatchObject({ maxDrop: 0.2, samples: 180, confidence: 0.95 });
  expect('bound' in reached && reached.bound <= 0.2 && reached.drop <= reached.bound).toBe(true);
});

test.each([
  [
    'size',
    { ...size, size: 0.01 },
    /^size: the layers at their largest ratios leave 0\.\d{3} MB, which is 0\.\d{4} of the file: give at least that$/,
  ],
  [
    'speedup',
    { speedup: 1e4 },
    /^speedup: the layers at their largest ratios do \d+\.\d times fewer multiply-accumulates: give at most that$/,
  ],
  [
    'maxDrop',
    { maxDrop: 0.0001 },
    /^maxDrop: 40 samples cannot show so small a drop, at least \d+ are needed: give more data or a larger drop$/,
  ],
])('a %s out of reach is refused by the option, without a flag', async (option, target, message) => {
  const trials = await Trials.open(chain);
  const error = await compressToTarget(trials, target, { data: few }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({ code: 'BAD_ARGUMENT', option, message: expect.stringMatching(message) });
});

test('curves: nothing is lost at ratio 0, and what is known is not measured again', async () => {
  const trials = await Trials.open(chain, { layers: ['fc2', 'fc3'] });
  const probe = await OutputProbe.record(trials, { data });
  expect(probe).toMatchObject({ top1: 1, samples: 240 });
  const measurements = memoryMeasurements();
  const ratios = [0, 0.5, 0.9];
  const curves = await measureCurves(trials, probe, { ratios, measurements });
  expect(curves.map(({ layer }) => layer.name)).toEqual(['fc2', 'fc3']);
  for (const { points } of curves) {
    expect(points[0]!.outputError).toBeLessThan(1e-9);
    expect(points[0]!.hits).toEqual({ samples: 240, lost: 0, gained: 0 });
    expect(points[1]!.outputError).toBeLessThan(points[2]!.outputError);
  }
  const failing = Object.assign(Object.create(probe), { compare: () => Promise.reject(new Error('again')) });
  expect(await measureCurves(trials, failing, { ratios, measurements })).toEqual(curves);
  expect(lossCurves(curves)[0]).toMatchObject({ layer: 'fc2', cost: 20 * 24 });
});

test('a drop needs data', async () => {
  const trials = await Trials.open(chain);
  await expect(compressToTarget(trials, { maxDrop: 0.1 })).rejects.toThrow(
    /^maxDrop: 0 samples cannot show so small a drop, at least \d+ are needed/,
  );
});
