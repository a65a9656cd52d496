/** A picture as a model's input: the middle of it, as large as fits, in bytes by channel. */
import type { ImageLayout } from '@spherize/core';

/** What the eye sees of red, green and blue (Rec. 601). */
const LUMA = [0.299, 0.587, 0.114] as const;

/** Draws the picture into the canvas as the model sees it. @returns a plane per channel */
export async function picturePlanes(
  file: File,
  { channels, height, width }: ImageLayout,
  canvas: HTMLCanvasElement,
): Promise<Uint8ClampedArray[]> {
  const bitmap = await createImageBitmap(file);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.imageSmoothingQuality = 'high';
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * scale, bitmap.height * scale];
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
  bitmap.close();
  const image = context.getImageData(0, 0, width, height);
  const { data } = image;
  const plane = (valueAt: (start: number) => number) =>
    Uint8ClampedArray.from({ length: width * height }, (_, p) => valueAt(4 * p));
  if (channels > 1) return Array.from({ length: channels }, (_, c) => plane((start) => data[start + c]!));
  const grey = plane((start) => LUMA.reduce((sum, part, c) => sum + part * data[start + c]!, 0));
  for (const [p, value] of grey.entries()) data.fill(value, 4 * p, 4 * p + 3);
  context.putImageData(image, 0, 0);
  return [grey];
}
