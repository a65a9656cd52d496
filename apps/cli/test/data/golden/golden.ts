/** What Pillow makes of synthetic images, as written by resample.py next to this file. */
import { readFileSync } from 'node:fs';
import type { PixelImage } from '../../../src/data/resample.js';

interface StoredImage {
  readonly width: number;
  readonly height: number;
  /** Base64 of the bytes. */
  readonly pixels: string;
}

interface Golden {
  readonly pillow: string;
  readonly grey: StoredImage;
  readonly resampled: Readonly<Record<string, StoredImage>>;
  readonly resampledGrey: StoredImage;
  readonly sizes: Readonly<Record<string, string>>;
  readonly cropOffsets: Readonly<Record<string, number>>;
  readonly jpeg: string;
  readonly jpegDecoded: StoredImage;
  readonly cmykJpeg: string;
  readonly cmykJpegDecoded: StoredImage;
  readonly jpegEvaluated64: StoredImage;
  readonly jpegEvaluated28Grey: StoredImage;
}

export const golden: Golden = JSON.parse(readFileSync(new URL('resample.json', import.meta.url), 'utf8'));

/** The image that resample.py calls `source`. */
export const source: PixelImage = syntheticImage(37, 53);

/** Turns a stored image into pixels. */
export function pixelImage({ width, height, pixels }: StoredImage): PixelImage {
  const data = new Uint8Array(Buffer.from(pixels, 'base64'));
  return { width, height, channels: data.length / (width * height), data };
}

function syntheticImage(width: number, height: number): PixelImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) data[i++] = x * x * 3 + x * y * 5 + y * 11 + channel * 67;
    }
  }
  return { width, height, channels: 3, data };
}
