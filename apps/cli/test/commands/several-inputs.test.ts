/** Models of several inputs on labelled arrays: evaluated, compressed to a drop, swept. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxModel } from '@spherize/adapters-onnx/node';
import { expect, test } from 'vitest';
import { randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { npyBytes, npzBytes, write } from '../data/data-files.js';
import { CLASSES, modelWithTwoInputs } from './small-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const SAMPLES = 600;
/** So many labels are wrong, from the first on. */
const WRONG = 60;
const DATA = 'npz:pairs.npz';
const folder = temporaryFolder();
write(folder, 'two.onnx', modelWithTwoInputs());
const left = randomValues(SAMPLES * 36, 1);
const right = randomValues(SAMPLES * 36, 2);
const session = await onnxModel(modelWithTwoInputs()).session();
const { scores } = await session.run({
  left: { shape: [SAMPLES, 36], data: left },
  right: { shape: [SAMPLES, 36], data: right },
});
await session.release();
const labels = Int32Array.from({ length: SAMPLES }, (_, i) => {
  const row = scores!.data.subarray(CLASSES * i, CLASSES * (i + 1));
  return (row.indexOf(Math.max(...row)) + (i < WRONG ? 1 : 0)) % CLASSES;
});
const arrays = {
  right: npyBytes('<f4', [SAMPLES, 36], right),
  left: npyBytes('<f4', [SAMPLES, 36], left),
  labels: npyBytes('<i4', [SAMPLES], labels),
};
write(folder, 'pairs.npz', npzBytes(arrays));

test('evaluate counts what the labels say, in batches of any size', async () => {
  for (const batch of ['7', '600'])
    expect(
      await spherizeJson(folder, 'evaluate', 'two.onnx', '--data', DATA, '--batch', batch),
    ).toMatchObject({ data: DATA, samples: SAMPLES, top1: (SAMPLES - WRONG) / SAMPLES });
  expect(await spherizeJson(folder, 'evaluate', 'two.onnx', '--data', DATA, '--limit', '80')).toMatchObject({
    samples: 80,
    top1: 20 / 80,
  });
});

test('compress refits on a part and measures the rest; a recipe repeats --max-drop', async () => {
  const report = await spherizeJson<{ accuracy: object; unseen: object }>(
    ...([folder, 'compress', 'two.onnx', '-o', 'out.onnx', '--target-size', '0.9', '--data', DATA] as const),
  );
  expect(report.accuracy).toMatchObject({ data: DATA, samples: 450 });
  expect(report.unseen).toMatchObject({ inputs: DATA });
  const search = ['--max-drop', '30', '--reduce', 'columns', '--data', DATA] as const;
  await spherizeJson(folder, 'compress', 'two.onnx', '-o', 'drop.onnx', ...search);
  await spherize(folder, 'compress', '--config', 'drop.recipe.json', '-o', 'again.onnx');
  expect(readFileSync(join(folder, 'again.onnx'))).toEqual(readFileSync(join(folder, 'drop.onnx')));
  const { top1 } = await spherizeJson<{ top1: number }>(folder, 'evaluate', 'drop.onnx', '--data', DATA);
  expect(top1).toBeGreaterThan((SAMPLES - WRONG) / SAMPLES - 0.3);
});

test('sweep measures every setting', async () => {
  const results = await spherizeJson<{ rows: { top1: number }[]; baseline: { top1: number } }>(
    ...([folder, 'sweep', 'two.onnx', '--data', DATA, '--ratios', '0,0.5', '--out', 'results'] as const),
  );
  expect(results.baseline.top1).toBe((SAMPLES - WRONG) / SAMPLES);
  expect(results.rows.every(({ top1 }) => top1 > 1 / CLASSES)).toBe(true);
});

test('calibration takes no sample on which accuracy is measured', async () => {
  const { code, stderr } = await spherize(
    ...([folder, 'compress', 'two.onnx', '-o', 'no.onnx', '--target-size', '0.9', '--data', DATA] as const),
    ...(['--calibrate', DATA] as const),
  );
  expect(code).toBe(2);
  expect(stderr).toContain(`--calibrate ${DATA}: all 600 samples are used to measure accuracy`);
});
