import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.js';
import { expectInputError, samplesOf, temporaryFolder } from './data-files.js';

const root = temporaryFolder();

/** Writes images of one flat colour: path inside the folder to grey level. */
async function imageFolder(
  name: string,
  images: Readonly<Record<string, number>>,
  size = 32,
): Promise<string> {
  const folder = join(root, name);
  for (const [file, level] of Object.entries(images)) {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    const background = { r: level, g: level, b: level };
    const image = sharp({ create: { width: size, height: size, channels: 3, background } });
    writeFileSync(path, await image.png().toBuffer());
  }
  return folder;
}

const pets = await imageFolder('pets', {
  'cat/b.png': 51,
  'cat/a.png': 0,
  'cat/nested/c.PNG': 102,
  'Dog/only.png': 255,
  '10/x.png': 20,
  '2/x.png': 40,
});

/** The first pixel of every sample, in bytes, next to its label. */
async function levelsAndLabels(spec: string, limit?: number): Promise<[number, number][]> {
  const data = await openDataset(spec, { sampleShape: [1, 32, 32], ...(limit && { limit }) });
  const { inputs, labels } = await samplesOf(data, 0, data.samples);
  return [...labels].map((label, i) => [Math.round(inputs[i * 1024]! * 255), label]);
}

describe('folder:', () => {
  it('goes round the classes in code-unit order, files sorted within each', async () => {
    expect(await levelsAndLabels(`folder:${pets}`)).toEqual([
      [20, 0],
      [40, 1],
      [255, 2],
      [0, 3],
      [51, 3],
      [102, 3],
    ]);
  });

  it('gives channels last where the model takes them so', async () => {
    const options = { mean: [0.1, 0.2, 0.3], std: [1, 2, 4], limit: 2 };
    const first = await openDataset(`folder:${pets}`, { sampleShape: [3, 32, 32], ...options });
    const last = await openDataset(`folder:${pets}`, { sampleShape: [32, 32, 3], ...options });
    const [{ inputs: planes }, { inputs: pixels, shape }] = [
      await samplesOf(first, 0, 2),
      await samplesOf(last, 0, 2),
    ];
    expect(shape).toEqual([2, 32, 32, 3]);
    const transposed = Float32Array.from(planes, (_, i) => {
      const [image, pixel, channel] = [Math.floor(i / 3072), Math.floor((i % 3072) / 3), i % 3];
      return planes[image * 3072 + channel * 1024 + pixel]!;
    });
    expect(pixels).toEqual(transposed);
  });

  it('takes one image of every class before a second of any', async () => {
    const limited = await levelsAndLabels(`folder:${pets}`, 4);
    expect(limited.map(([, label]) => label)).toEqual([0, 1, 2, 3]);
  });

  it('passes over other files and names with a leading dot', async () => {
    const folder = await imageFolder('mixed', {
      'a/1.png': 1,
      'b/1.png': 2,
      '.hidden/1.png': 3,
      'a/._1.png': 4,
    });
    writeFileSync(join(folder, 'README.txt'), 'classes a and b');
    writeFileSync(join(folder, 'a', 'notes.txt'), '');
    expect(await levelsAndLabels(`folder:${folder}`)).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  it('normalises every channel, planes one after the other', async () => {
    const folder = join(root, 'colour');
    mkdirSync(join(folder, 'a'), { recursive: true });
    const pixels = Uint8Array.of(0, 51, 255, 255, 51, 0, 0, 51, 255, 255, 51, 0);
    const image = sharp(pixels, { raw: { width: 2, height: 2, channels: 3 } });
    writeFileSync(join(folder, 'a', 'x.png'), await image.png().toBuffer());
    const data = await openDataset(`folder:${folder}`, {
      sampleShape: [3, 2, 2],
      mean: [0, 0.2, 0.5],
      std: [1, 1, 0.5],
    });
    const { inputs } = await samplesOf(data, 0, 1);
    expect([...inputs]).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 1, -1, 1, -1]);
  });

  it('makes 224x224 RGB when the model leaves that open, and flat vectors when it wants them', async () => {
    const open = await openDataset(`folder:${pets}`, { sampleShape: [undefined, undefined, undefined] });
    expect((await samplesOf(open, 0, 2)).shape).toEqual([2, 3, 224, 224]);
    expect((await samplesOf(await openDataset(`folder:${pets}`), 0, 1)).shape).toEqual([1, 3, 224, 224]);
    const flat = await openDataset(`folder:${pets}`, { sampleShape: [784] });
    expect((await samplesOf(flat, 0, 1)).shape).toEqual([1, 784]);
  });

  it('gives the same samples in batches of any size', async () => {
    const data = await openDataset(`folder:${pets}`, { sampleShape: [3, 28, 28] });
    const whole = await samplesOf(data, 0, 6);
    const parts = [await samplesOf(data, 0, 1), await samplesOf(data, 1, 4), await samplesOf(data, 5, 1)];
    expect(parts.flatMap(({ inputs }) => [...inputs])).toEqual([...whole.inputs]);
    expect(parts.flatMap(({ labels }) => [...labels])).toEqual([...whole.labels]);
  });

  it('names a damaged image when its batch is read', async () => {
    const folder = await imageFolder('damaged', { 'a/1.png': 1, 'b/1.png': 2 });
    writeFileSync(join(folder, 'b', '0.jpg'), 'no image');
    const data = await openDataset(`folder:${folder}`, { sampleShape: [3, 32, 32] });
    await expectInputError(samplesOf(data, 0, 3), 'BAD_FILE', join('b', '0.jpg'));
    expect([...(await samplesOf(data, 0, 1)).labels]).toEqual([0]);
  });

  it('refuses a missing, an empty and a flat folder, a file and a class without images', async () => {
    await expectInputError(openDataset(`folder:${root}/none`), 'NOT_FOUND', 'none');
    mkdirSync(join(root, 'empty'));
    await expectInputError(openDataset(`folder:${root}/empty`), 'BAD_ARGUMENT', 'no subfolders');
    const flat = await imageFolder('flat', { 'x.png': 1 });
    await expectInputError(openDataset(`folder:${flat}`), 'BAD_ARGUMENT', 'no subfolders');
    await expectInputError(openDataset(`folder:${flat}/x.png`), 'BAD_ARGUMENT', 'expected a folder');
    const gap = await imageFolder('gap', { 'a/x.png': 1 });
    mkdirSync(join(gap, 'b'));
    await expectInputError(openDataset(`folder:${gap}`), 'BAD_ARGUMENT', join('gap', 'b'), 'no image');
    await expectInputError(openDataset('folder:'), 'BAD_ARGUMENT', 'folder:DIR');
  });

  it.each([
    { shape: [10] },
    { shape: [3, 224, 320] },
    { shape: [4, 32, 32] },
    { shape: [224, 320, 3] },
    { shape: [224, 224, 4] },
    { shape: [3, 8, 224, 224] },
  ])('refuses a model that takes $shape', async ({ shape }) => {
    await expectInputError(
      openDataset(`folder:${pets}`, { sampleShape: shape }),
      'UNSUPPORTED',
      shape.join(', '),
    );
  });
});
