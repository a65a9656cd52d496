import { describe, expect, it } from 'vitest';
import {
  centreCropOffset,
  evaluationTransform,
  shorterSideFor,
  sizeWithShorterSide,
} from '../../src/data/evaluation-transform.js';
import { golden, pixelImage } from './golden/golden.js';

describe('the evaluation transform', () => {
  it.each([
    [224, 256],
    [227, 259],
    [299, 342],
    [64, 73],
    [63, 63],
    [32, 32],
    [28, 28],
  ])('resizes the shorter side for an input of %i to %i', (size, shorter) => {
    expect(shorterSideFor(size)).toBe(shorter);
  });

  it.each(Object.entries(golden.sizes))('sizes %s as Python does: %s', (question, answer) => {
    const [width, height, shorter] = question.match(/\d+/g)!.map(Number) as [number, number, number];
    const size = sizeWithShorterSide(width, height, shorter);
    expect(`${size.width}x${size.height}`).toBe(answer);
  });

  it.each(Object.entries(golden.cropOffsets))('crops %s from where Python does: %i', (question, offset) => {
    const [length, crop] = question.match(/\d+/g)!.map(Number) as [number, number];
    expect(centreCropOffset(length, crop)).toBe(offset);
  });

  it('equals Pillow from decoded pixels to the 64x64 crop', () => {
    const expected = pixelImage(golden.jpegEvaluated64);
    expect(evaluationTransform(pixelImage(golden.jpegDecoded), 64)).toEqual(expected);
  });

  it('leaves an image alone that already has the size of a small input', () => {
    const image = { width: 32, height: 32, channels: 3, data: new Uint8Array(32 * 32 * 3) };
    expect(evaluationTransform(image, 32)).toBe(image);
  });

  it('enlarges an image smaller than the input', () => {
    const image = { width: 10, height: 20, channels: 1, data: new Uint8Array(200).fill(9) };
    expect(evaluationTransform(image, 224)).toEqual({
      width: 224,
      height: 224,
      channels: 1,
      data: new Uint8Array(224 * 224).fill(9),
    });
  });
});
