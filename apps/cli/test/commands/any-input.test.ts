/** Models of words, masks and several inputs are refitted without data, on recorded arrays, and on what a module gives. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { textModel } from '../../../../packages/adapters-onnx/test/small-models.js';
import { npyBytes, write } from '../data/data-files.js';
import { spherize, spherizeJson, temporaryFolder } from './spawn-spherize.js';

const WORDS = 30;
const LENGTH = 6;
const TEXTS = 400;
const folder = temporaryFolder();

beforeAll(() => {
  write(folder, 'text.onnx', textModel(WORDS));
  const ids = BigInt64Array.from({ length: TEXTS * LENGTH }, (_, i) => BigInt((i * 7) % WORDS));
  const arrays = {
    'input_ids.npy': npyBytes('<i8', [TEXTS, LENGTH], ids),
    'attention_mask.npy': npyBytes(
      '<i8',
      [TEXTS, LENGTH],
      ids.map((_, i) => BigInt(i % LENGTH === 0 ? 0 : 1)),
    ),
  };
  write(folder, 'texts.npz', zipSync(arrays));
  write(folder, 'half.npz', zipSync({ 'input_ids.npy': arrays['input_ids.npy'] }));
  const source = (name: string, low: number): string =>
    `export default { name: 'own', *batches(inputs, { samples, seed }) {
      for (let i = 0; i < samples; i += 20) {
        const data = Float64Array.from({ length: 20 * 4 }, (_, at) => (seed + i + at) % ${WORDS} + ${low});
        const shape = [20, 4];
        yield { ${name}: { shape, data }, attention_mask: { shape, data: new Float64Array(80).fill(1) } };
      }
    } };`;
  write(folder, 'source.mjs', Buffer.from(source('input_ids', 0)));
  write(folder, 'wrong.mjs', Buffer.from(source('ids', 0)));
  write(folder, 'nothing.mjs', Buffer.from('export const x = 1;\n'));
});

interface Report {
  outputError: number;
  unseen: { inputs: string; samples: number };
  macsBefore: number;
}
const compress = (output: string, ...args: string[]): Promise<Report> =>
  spherizeJson(
    folder,
    'compress',
    'text.onnx',
    '-o',
    output,
    '--reduce',
    'neurons',
    '--ratio',
    '0.5',
    ...args,
  );

describe('a model of words and a mask', () => {
  test('is refitted without data, on texts of a length that it runs on', async () => {
    const { stdout } = await spherize(
      folder,
      'compress',
      'text.onnx',
      '-o',
      'made.onnx',
      '--reduce',
      'neurons',
      '--ratio',
      '0.5',
    );
    expect(stdout).toContain('refitted on 1000 inputs (generated)');
    expect(stdout).toContain(
      "note: input 'input_ids' of shape [any, any] was taken as [any, 64]: --shape input_ids=?,64 sets others",
    );
    expect(stdout).toMatch(/multiply-accumulates per sample\s+43,008/);
    const refitted = await compress('refitted.onnx');
    const merged = await compress('merged.onnx', '--calibrate', 'none');
    expect(refitted.outputError).toBeLessThan(merged.outputError);
    expect(readFileSync(join(folder, 'refitted.onnx'))).toEqual(readFileSync(join(folder, 'made.onnx')));
  });

  test('is timed, in a process of its own too', async () => {
    const { code, stdout } = await spherize(folder, 'bench', 'text.onnx', 'text.onnx', '--seconds', '0');
    expect([code, stdout]).toEqual([0, expect.stringContaining('session memory')]);
  });

  test.each(['npz:texts.npz', './source.mjs'])(
    'is refitted on %s, and measured on others of it',
    async (calibrate) => {
      const { unseen, outputError } = await compress(
        'own.onnx',
        '--calibrate',
        calibrate,
        '--calibration-samples',
        '100',
      );
      expect(unseen.inputs).toBe(calibrate);
      expect(unseen.samples).toBeGreaterThan(100);
      expect(outputError).toBeLessThan(1);
      const first = readFileSync(join(folder, 'own.onnx'));
      await spherize(folder, 'compress', '--config', 'own.recipe.json', '-o', 'again.onnx');
      expect(readFileSync(join(folder, 'again.onnx'))).toEqual(first);
    },
  );

  test.each([
    [
      'npz:half.npz',
      "--calibrate npz:half.npz: has no array for the model's input 'attention_mask', only input_ids; name each array as its input",
    ],
    ['npz:none.npz', 'none.npz: no such file or folder; check the path'],
    [
      './wrong.mjs',
      "input source './wrong.mjs' gives nothing for input 'input_ids': yield a tensor of that name",
    ],
    ['./nothing.mjs', "'./nothing.mjs' exports no input source: export one as its default"],
    ['texts.npz', "data: unknown 'texts.npz'"],
    [
      'npy:a.npy,b.npy',
      '--calibrate npy:a.npy,b.npy: the model has 2 inputs (input_ids, attention_mask): give npz:FILE.npz',
    ],
  ])('of %s, what is wrong is said', async (calibrate, message) => {
    const { code, stderr } = await spherize(
      folder,
      'compress',
      'text.onnx',
      '-o',
      'out.onnx',
      '--ratio',
      '0.5',
      '--reduce',
      'neurons',
      '--calibrate',
      calibrate,
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
