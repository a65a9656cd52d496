import { describe, expect, it } from 'vitest';
import { resampleBilinear } from '../../src/data/resample.js';
import { golden, pixelImage, source } from './golden/golden.js';

describe('resampleBilinear', () => {
  it.each(Object.keys(golden.resampled))('equals Pillow for 37x53 to %s', (size) => {
    const expected = pixelImage(golden.resampled[size]!);
    expect(resampleBilinear(source, expected.width, expected.height)).toEqual(expected);
  });

  it('equals Pillow for one channel', () => {
    const expected = pixelImage(golden.resampledGrey);
    expect(resampleBilinear(pixelImage(golden.grey), expected.width, expected.height)).toEqual(expected);
  });

  it('returns the image itself when the size stays', () => {
    expect(resampleBilinear(source, 37, 53)).toBe(source);
  });

  it.each([0, 1, 127, 254, 255])('keeps a constant image of %i constant', (value) => {
    const image = { width: 301, height: 7, channels: 1, data: new Uint8Array(301 * 7).fill(value) };
    const { data } = resampleBilinear(image, 13, 19);
    expect(new Set(data)).toEqual(new Set([value]));
  });
});
