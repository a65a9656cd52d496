import { expect, test } from 'vitest';
import { evaluateModel } from '../../src/evaluation/index.js';
import {
  compressModel,
  type Progress,
  portableEngine,
  randomAssignment,
  spherical,
} from '../../src/index.js';
import { gridSettings, memoryRecord, runSweep, type SweepContent } from '../../src/sweep/index.js';
import { chain, labelledData } from '../labelled-chain.js';

const data = await labelledData(120);
const settings = gridSettings({
  methods: [{ clusterer: 'kmeans' }, { clusterer: 'spherical' }],
  algorithms: ['hartigan'],
  sparsities: [0, 0.5],
  ratios: [0.5, 0.9],
  seeds: [0],
  references: ['l2-slice', 'svd'],
});
const timeless = (content: SweepContent) => ({
  ...content,
  rows: new Map([...content.rows].map(([index, row]) => [index, { ...row, seconds: 0 }])),
});

test('every row is what compressing and evaluating at its setting gives', async () => {
  const { baseline, pruned, rows } = await runSweep(chain, { data, settings });
  expect(baseline).toEqual({ top1: 1, top5: 1, parameters: chain.parameters });
  expect([...pruned.keys()]).toEqual([0, 0.5]);
  expect(pruned.get(0)).toEqual(baseline);
  expect([...rows.keys()].toSorted((a, b) => a - b)).toEqual(settings.map((_, i) => i));
  const place = settings.findIndex(
    ({ clusterer, sparsity, ratio }) => clusterer === 'spherical' && sparsity === 0.5 && ratio === 0.9,
  );
  const { model } = await compressModel(chain, {
    clusterer: spherical,
    engine: portableEngine,
    ratio: 0.9,
    sparsity: 0.5,
  });
  const { top1 } = await evaluateModel(model, data);
  expect(rows.get(place)).toMatchObject({ ...settings[place], top1, parameters: model.parameters });
});

test('what a record has is not measured again, and parts make the whole', async () => {
  const whole = timeless(await runSweep(chain, { data, settings }));
  const record = memoryRecord();
  const steps: Progress[] = [];
  const onProgress = (step: Progress) => steps.push(step);
  await runSweep(chain, { data, settings, record, range: { start: 0, end: 5 } });
  const kept = new Map(record.content.rows);
  expect(kept.size).toBe(5);
  const joined = await runSweep(chain, { data, settings, record, ahead: 3, onProgress });
  for (const [index, row] of kept) expect(joined.rows.get(index)).toBe(row);
  expect(timeless(joined).rows).toEqual(whole.rows);
  const shares = steps.map(({ share }) => share!);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
});

test('clusterers of its own, by name; one that is not known is refused before anything runs', async () => {
  const own = [{ ...settings[0]!, clusterer: 'mine' }];
  const clusterers = new Map([['mine', randomAssignment]]);
  const { rows } = await runSweep(chain, { data, settings: own, clusterers });
  expect(rows.get(0)).toMatchObject({ clusterer: 'mine' });
  await expect(runSweep(chain, { data, settings: own })).rejects.toMatchObject({
    code: 'UNKNOWN_NAME',
    option: 'settings',
    message: expect.stringMatching(
      /^settings: unknown clusterer 'mine', expected one of kmeans, spherical, /,
    ),
  });
});
