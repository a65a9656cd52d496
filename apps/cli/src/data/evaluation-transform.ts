/**
 * The geometry of torchvision's evaluation transform: resize the shorter side, then crop the centre.
 */
import { type PixelImage, resampleBilinear } from './resample.js';

/** Inputs below this size are thumbnails such as CIFAR's 32×32, which are evaluated whole, without a margin. */
export const SMALLEST_SIZE_WITH_MARGIN = 64;

/**
 * Returns the length to which an image's shorter side is resized for an input of `size` × `size`.
 *
 * ImageNet's 224 comes from 256; other sizes keep that proportion, `round(size · 256 / 224)`. Sizes below
 * `SMALLEST_SIZE_WITH_MARGIN` are resized to directly, so that a 32×32 image for a 32×32 input is not resampled.
 */
export function shorterSideFor(size: number): number {
  return size < SMALLEST_SIZE_WITH_MARGIN ? size : Math.round((size * 256) / 224);
}

/** Returns the size at which the shorter side has the given length; the longer one is rounded down. */
export function sizeWithShorterSide(
  width: number,
  height: number,
  shorter: number,
): { readonly width: number; readonly height: number } {
  const longer = Math.trunc((shorter * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
}

/** Returns where a centred crop starts: `(length − crop) / 2`, where a half goes to the even neighbour. */
export function centreCropOffset(length: number, crop: number): number {
  const exact = (length - crop) / 2;
  const below = Math.floor(exact);
  return exact === below || below % 2 === 0 ? below : below + 1;
}

/** Turns an image of any size into the `size` × `size` image that the network is evaluated on. */
export function evaluationTransform(image: PixelImage, size: number): PixelImage {
  const { width, height } = sizeWithShorterSide(image.width, image.height, shorterSideFor(size));
  return cropCentre(resampleBilinear(image, width, height), size);
}

function cropCentre(image: PixelImage, size: number): PixelImage {
  if (image.width === size && image.height === size) return image;
  const { width, channels } = image;
  const left = centreCropOffset(width, size);
  const top = centreCropOffset(image.height, size);
  const data = new Uint8Array(size * size * channels);
  for (let y = 0; y < size; y++) {
    const from = ((top + y) * width + left) * channels;
    data.set(image.data.subarray(from, from + size * channels), y * size * channels);
  }
  return { width: size, height: size, channels, data };
}
