/**
 * Image files to 8-bit pixels, through sharp, with the choices of torchvision's default loader.
 *
 * The stored pixels are taken as they are: no rotation by EXIF, no conversion by an embedded colour profile, alpha
 * dropped rather than blended, the first frame of an animation.
 */
import { InputError } from '@spherize/core';
import type { SharpOptions } from 'sharp';
import { readInputFile } from './input-file.js';
import type { PixelImage } from './resample.js';

/** The file names that are taken for images, in lower case: what the prebuilt sharp decodes of pixel formats. */
export const IMAGE_EXTENSIONS: readonly string[] = [
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.png',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
];

/** Pixels of an image at most: a few kilobytes can announce any number. */
const LARGEST_IMAGE = 100_000_000;

/** The weights 0.299, 0.587 and 0.114 of ITU-R 601 luma as 16-bit fractions. */
const LUMA_RED = Math.round(0.299 * 65536);
const LUMA_GREEN = Math.round(0.587 * 65536);
const LUMA_BLUE = Math.round(0.114 * 65536);

/**
 * Decodes an image file to RGB, or to grey as Pillow's `convert('L')` does. Images of 16 bits lose their lower byte.
 *
 * @throws InputError naming the file when it is missing, truncated or not an image; also when sharp does not load.
 */
export async function decodeImage(path: string, channels: 1 | 3): Promise<PixelImage> {
  const [sharp, file] = await Promise.all([loadSharp(), readInputFile(path)]);
  try {
    // failOn 'error' includes truncation; what libjpeg only warns of is accepted, as Pillow does.
    const options: SharpOptions = { failOn: 'error', ignoreIcc: true, limitInputPixels: LARGEST_IMAGE };
    const cmyk = (await sharp(file, options).metadata()).space === 'cmyk';
    const image = cmyk ? sharp(file, options).pipelineColourspace('cmyk') : sharp(file, options);
    const pixels = image.toColourspace(cmyk ? 'cmyk' : 'srgb').raw({ depth: 'uchar' });
    const { data, info } = await pixels.toBuffer({ resolveWithObject: true });
    if (cmyk) replaceInkByColour(data, info.channels);
    return {
      width: info.width,
      height: info.height,
      channels,
      data: selectChannels(data, info.channels, channels),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim().split('\n')[0] : String(cause);
    throw new InputError(
      'BAD_FILE',
      `${path}: could not be decoded (${reason}); replace or remove the image`,
      {
        cause,
      },
    );
  }
}

/** Overwrites cyan, magenta and yellow by red, green and blue: `(255 − ink) · (255 − black) / 255`, ink term rounded. */
function replaceInkByColour(data: Uint8Array, stored: number): void {
  for (let pixel = 0; pixel < data.length; pixel += stored) {
    const light = 255 - data[pixel + 3]!;
    for (let i = pixel; i < pixel + 3; i++) data[i] = light - Math.round((data[i]! * light) / 255);
  }
}

/** Brings interleaved pixels of 1 to 4 channels (grey, grey and alpha, RGB, RGB and a fourth that is dropped) to 1 or 3. */
function selectChannels(data: Uint8Array, stored: number, wanted: 1 | 3): Uint8Array {
  if (stored === wanted) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const pixels = data.length / stored;
  const green = stored < 3 ? 0 : 1;
  const blue = stored < 3 ? 0 : 2;
  const output = new Uint8Array(pixels * wanted);
  for (let pixel = 0, from = 0; pixel < pixels; pixel++, from += stored) {
    const r = data[from]!;
    const g = data[from + green]!;
    const b = data[from + blue]!;
    if (wanted === 3) {
      output[pixel * 3] = r;
      output[pixel * 3 + 1] = g;
      output[pixel * 3 + 2] = b;
    } else {
      output[pixel] = (r * LUMA_RED + g * LUMA_GREEN + b * LUMA_BLUE + 0x8000) >> 16;
    }
  }
  return output;
}

/** Loads sharp when the first image is decoded, so that no other command pays for it. */
async function loadSharp(): Promise<typeof import('sharp').default> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim().split('\n')[0] : String(cause);
    throw new InputError(
      'UNSUPPORTED',
      `folder: decoding images needs the package 'sharp', which does not load here (${reason}); reinstall it, or give the data as npy:X.npy,Y.npy`,
      { cause },
    );
  }
}
