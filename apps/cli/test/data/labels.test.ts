/** From folders, names and numbers to the classes of a model. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnxModel } from '@spherize/adapters-onnx/node';
import type { Model } from '@spherize/core';
import { evaluateModel } from '@spherize/core/evaluation';
import sharp from 'sharp';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ModelBuilder } from '../../../../packages/adapters-onnx/test/build-model.js';
import { type DataOptions, openData } from '../../src/commands/shared-options.js';
import { expectInputError, npyBytes, samplesOf, temporaryFolder, write } from './data-files.js';

const folder = temporaryFolder();
const NAMES = ['ant', 'bee', 'cow', 'dog'];

/** Each score is one of the pixels of an image of 2×2, and the first scores are of classes that no pixel stands for. */
function pixelModel(
  background = 0,
  declared: readonly (number | undefined)[] = [undefined, 4 + background],
): Model {
  const b = new ModelBuilder();
  const image = b.input('image', [undefined, 1, 2, 2]);
  const values = Float32Array.from({ length: 4 * (4 + background) }, (_, i) =>
    i % (4 + background) === Math.floor(i / (4 + background)) + background ? 1 : 0,
  );
  const flat = b.node('Flatten', [image], { axis: 1 });
  b.node('MatMul', [flat, b.weight('fc', [4, 4 + background], values)], {}, ['scores']);
  return onnxModel(b.output('scores', declared).build());
}

/** An image whose pixel of this number is white. */
const pixels = (white: number) => Uint8Array.from({ length: 4 }, (_, i) => (i === white ? 255 : 0));

beforeAll(async () => {
  for (const [name, classes] of [
    ['all', NAMES],
    ['some', ['dog', 'bee']],
  ] as const) {
    for (const label of classes) {
      const path = join(folder, name, label);
      mkdirSync(path, { recursive: true });
      const raw = { width: 2, height: 2, channels: 1 as const };
      await sharp(pixels(NAMES.indexOf(label)), { raw })
        .png()
        .toFile(join(path, 'x.png'));
    }
  }
  writeFileSync(join(folder, 'names.txt'), `\uFEFF${NAMES.join('\r\n')}\r\n`);
  writeFileSync(join(folder, 'backwards.txt'), `${NAMES.toReversed().join('\n')}\n`);
  writeFileSync(join(folder, 'twice.txt'), 'ant\nbee\nant\n');
  writeFileSync(join(folder, 'gap.txt'), 'ant\n\nbee\n');
});

const array = (labels: readonly number[], name = labels.join('')) => {
  const images = labels.flatMap((label) => [...pixels(label)]);
  const x = write(folder, `x${name}.npy`, npyBytes('|u1', [labels.length, 1, 2, 2], Uint8Array.from(images)));
  return `npy:${x},${write(folder, `y${name}.npy`, npyBytes('|u1', [labels.length], Uint8Array.from(labels)))}`;
};

const open = (model: Model, data: string, options: Partial<DataOptions> = {}) =>
  openData({ data, ...options }, model);

async function top1(model: Model, data: string, options: Partial<DataOptions> = {}): Promise<number> {
  return (await evaluateModel(model, await open(model, data, options), { batch: 8 })).top1;
}

describe('folders', () => {
  it('as many as the model has classes, in the order of their names', async () => {
    expect(await top1(pixelModel(), `folder:${folder}/all`)).toBe(1);
  });

  it.each([[[undefined, 4]], [[undefined, undefined]]])(
    'fewer, with an output of shape %j',
    async (declared) => {
      await expectInputError(
        open(pixelModel(0, declared), `folder:${folder}/some`),
        'BAD_ARGUMENT',
        'has 2 class folders',
        "4 classes in its output 'scores'",
        '--classes FILE',
      );
    },
  );

  it('one fewer, where a background class comes first', async () => {
    const data = `folder:${folder}/all`;
    await expectInputError(
      open(pixelModel(1), data),
      'BAD_ARGUMENT',
      '4 class folders',
      '5 classes',
      '--label-offset 1',
    );
    expect(await top1(pixelModel(1), data, { labelOffset: 1 })).toBe(1);
    await expectInputError(
      open(pixelModel(), data, { labelOffset: 1 }),
      'BAD_ARGUMENT',
      '4 class folders with --label-offset 1',
      '4 classes',
    );
  });

  it('in the order of a file of names, of which some may be missing', async () => {
    const classes = join(folder, 'names.txt');
    expect(await top1(pixelModel(), `folder:${folder}/some`, { classes })).toBe(1);
    expect(await top1(pixelModel(), `folder:${folder}/all`, { classes: join(folder, 'backwards.txt') })).toBe(
      0,
    );
    expect(await top1(pixelModel(1), `folder:${folder}/some`, { classes, labelOffset: 1 })).toBe(1);
    await expectInputError(
      open(pixelModel(1), `folder:${folder}/some`, { classes }),
      'BAD_ARGUMENT',
      '--classes gives 4 classes',
      '5 classes',
    );
  });

  it.each([
    ['twice.txt', 'BAD_FILE', "lines 1 and 3 both say 'ant'"],
    ['gap.txt', 'BAD_FILE', 'line 2 is empty'],
    ['none.txt', 'NOT_FOUND', 'none.txt'],
  ] as const)('not in that of %s', async (file, code, part) => {
    await expectInputError(
      open(pixelModel(), `folder:${folder}/all`, { classes: join(folder, file) }),
      code,
      part,
    );
  });

  it('none that the file does not name', async () => {
    mkdirSync(join(folder, 'other', 'eel'), { recursive: true });
    writeFileSync(join(folder, 'other', 'eel', 'x.png'), '');
    const classes = join(folder, 'names.txt');
    await expectInputError(
      open(pixelModel(), `folder:${folder}/other`, { classes }),
      'BAD_ARGUMENT',
      "the folder 'eel' is not among the 4 classes",
      'names.txt',
    );
  });
});

describe('numbers', () => {
  afterEach(() => vi.restoreAllMocks());
  const remarks = () => {
    const lines: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    return lines;
  };

  it('that reach as far as the classes of the model, with the limit or without', async () => {
    const lines = remarks();
    expect(await top1(pixelModel(), array([1, 2, 3]), { limit: 1 })).toBe(1);
    expect(lines).toEqual([]);
  });

  it('that reach less far: a remark', async () => {
    const lines = remarks();
    expect(await top1(pixelModel(), array([0, 1, 2]))).toBe(1);
    expect(lines.join('')).toContain("reach 2, the model has 4 classes in its output 'scores': if the first");
    expect(await top1(pixelModel(1), array([3, 1]), { labelOffset: 1 })).toBe(1);
    expect(lines).toHaveLength(1);
  });

  it('that reach further', async () => {
    await expectInputError(
      open(pixelModel(), array([4])),
      'BAD_ARGUMENT',
      'reach 4, 5 classes',
      '4 classes',
      '--label-offset',
    );
    await expectInputError(
      open(pixelModel(), array([3]), { labelOffset: 1 }),
      'BAD_ARGUMENT',
      'reach 4 with',
    );
  });

  it('from 1', async () => {
    const spec = array([1, 2, 3], 'from-1');
    await expectInputError(
      open(pixelModel(), array([0, 1]), { labelOffset: -1 }),
      'BAD_FILE',
      'label 0',
      '--label-offset',
    );
    expect((await samplesOf(await open(pixelModel(), spec, { labelOffset: -1 }), 0, 3)).labels).toEqual(
      Int32Array.of(0, 1, 2),
    );
  });

  it('are in no order of names', async () => {
    const classes = join(folder, 'names.txt');
    await expectInputError(
      open(pixelModel(), array([0]), { classes }),
      'BAD_ARGUMENT',
      '--classes',
      'are numbers',
    );
  });
});

describe('the output that labels are compared with', () => {
  const several = (): Model => {
    const b = new ModelBuilder();
    const flat = b.node('Flatten', [b.input('image', [undefined, 1, 2, 2])], { axis: 1 });
    b.node('ArgMax', [flat], { axis: 1, keepdims: 0 }, ['label']);
    b.node('Identity', [flat], {}, ['scores']);
    b.node('Neg', [flat], {}, ['negative']);
    b.output('label', [undefined], 7).output('scores', [undefined, 4]).output('negative', [undefined, 4]);
    return onnxModel(b.build());
  };

  it('is the first with a score per class, or the one that is named', async () => {
    expect(await top1(several(), array([0, 3]))).toBe(1);
    expect(await top1(several(), array([0, 3]), { scores: 'scores' })).toBe(1);
    expect(await top1(several(), array([0, 3]), { scores: 'negative' })).toBe(0);
  });

  it('holds scores', async () => {
    await expectInputError(
      open(several(), array([0, 3]), { scores: 'label' }),
      'UNSUPPORTED',
      "output 'label'",
      'shape [1]',
      '--output',
      'scores, negative',
    );
    await expectInputError(
      open(several(), array([0, 3]), { scores: 'nope' }),
      'UNKNOWN_NAME',
      "no output 'nope'",
      'label (int64), scores (float32)',
    );
  });
});
