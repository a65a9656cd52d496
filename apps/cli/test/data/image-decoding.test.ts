import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { evaluationTransform } from '../../src/data/evaluation-transform.js';
import { decodeImage } from '../../src/data/image-decoding.js';
import { expectInputError, temporaryFolder, write } from './data-files.js';
import { golden, pixelImage, source } from './golden/golden.js';

const folder = temporaryFolder();
const jpeg = Buffer.from(golden.jpeg, 'base64');
const raw = (width: number, height: number, channels: 1 | 2 | 3 | 4) => ({
  raw: { width, height, channels },
});

describe('decodeImage', () => {
  it('decodes a JPEG with an EXIF orientation to the pixels that Pillow decodes, unrotated', async () => {
    const path = write(folder, 'photo.jpg', jpeg);
    expect(await decodeImage(path, 3)).toEqual(pixelImage(golden.jpegDecoded));
  });

  it('decodes, resizes and crops a JPEG to the grey pixels that Pillow makes', async () => {
    const path = write(folder, 'grey.jpg', jpeg);
    const expected = pixelImage(golden.jpegEvaluated28Grey);
    expect(evaluationTransform(await decodeImage(path, 1), 28)).toEqual(expected);
  });

  it('converts colour to grey as Pillow does', async () => {
    const path = write(
      folder,
      'colour.png',
      await sharp(source.data, raw(37, 53, 3))
        .png()
        .toBuffer(),
    );
    expect(await decodeImage(path, 3)).toEqual(source);
    expect(await decodeImage(path, 1)).toEqual(pixelImage(golden.grey));
  });

  it('converts CMYK as Pillow does, without a profile', async () => {
    const path = write(folder, 'inks.jpg', Buffer.from(golden.cmykJpeg, 'base64'));
    expect(await decodeImage(path, 3)).toEqual(pixelImage(golden.cmykJpegDecoded));
  });

  it('takes the stored pixels whatever colour profile is embedded', async () => {
    const red = sharp(Uint8Array.of(255, 0, 0), raw(1, 1, 3));
    const path = write(folder, 'display-p3.png', await red.withIccProfile('p3').png().toBuffer());
    // Stored in the wider gamut of Display P3, the red of sRGB has some green; converting back would remove it.
    const { data } = await decodeImage(path, 3);
    expect(data[1]).toBeGreaterThan(40);
  });

  it('repeats grey for three channels', async () => {
    const png = await sharp(Uint8Array.of(0, 100, 255), raw(3, 1, 1))
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const { data } = await decodeImage(write(folder, 'grey.png', png), 3);
    expect([...data]).toEqual([0, 0, 0, 100, 100, 100, 255, 255, 255]);
  });

  it('drops alpha without blending', async () => {
    const png = await sharp(Uint8Array.of(10, 20, 30, 0, 40, 50, 60, 128), raw(2, 1, 4))
      .png()
      .toBuffer();
    const { data } = await decodeImage(write(folder, 'alpha.png', png), 3);
    expect([...data]).toEqual([10, 20, 30, 40, 50, 60]);
  });

  it.each([
    ['grey16', 1],
    ['rgb16', 3],
  ] as const)('keeps the upper byte of %s', async (space, channels) => {
    const values = Uint16Array.from({ length: 4 * channels }, (_, i) => (i * 5201 + 255) % 65536);
    const png = await sharp(values, raw(4, 1, channels))
      .toColourspace(space)
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    const { data } = await decodeImage(write(folder, `${space}.png`, png), channels);
    expect([...data]).toEqual([...values].map((value) => value >> 8));
  });

  it.each(['webp', 'gif', 'tiff', 'avif'] as const)('decodes %s', async (format) => {
    const flat = sharp({
      create: { width: 20, height: 10, channels: 3, background: { r: 255, g: 255, b: 255 } },
    });
    const path = write(folder, `flat.${format}`, await flat.toFormat(format).toBuffer());
    expect(await decodeImage(path, 3)).toEqual({
      width: 20,
      height: 10,
      channels: 3,
      data: new Uint8Array(600).fill(255),
    });
  });

  it('names a truncated, an empty, a foreign and a missing file', async () => {
    const cut = write(folder, 'cut.jpg', jpeg.subarray(0, 2000));
    await expectInputError(decodeImage(cut, 3), 'BAD_FILE', cut, 'could not be decoded');
    const png = await sharp(source.data, raw(37, 53, 3))
      .png()
      .toBuffer();
    const cutPng = write(folder, 'cut.png', png.subarray(0, png.length / 2));
    await expectInputError(decodeImage(cutPng, 3), 'BAD_FILE', cutPng);
    const empty = write(folder, 'empty.jpg', new Uint8Array());
    await expectInputError(decodeImage(empty, 3), 'BAD_FILE', empty);
    const text = write(folder, 'text.jpg', Buffer.from('not an image'));
    await expectInputError(decodeImage(text, 3), 'BAD_FILE', text);
    await expectInputError(decodeImage(`${folder}/none.jpg`, 3), 'NOT_FOUND', 'none.jpg');
  });
});
