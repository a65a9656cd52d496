/**
 * Bilinear resampling of 8-bit images with antialiasing, equal bit for bit to Pillow's `Image.resize(BILINEAR)`.
 *
 * torchvision's published accuracies are measured with Pillow's resampler. sharp's differ by several grey levels,
 * which is enough to move an accuracy, so this one is written out.
 *
 * The filter is a triangle whose half width is one input pixel when enlarging and `input / output` input pixels when
 * reducing. It is separable: rows first, rounded to bytes, then columns. Weights are fixed-point integers.
 */

/** An 8-bit image. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for RGB. */
  readonly channels: number;
  /** Of shape `[height, width, channels]`. */
  readonly data: Uint8Array;
}

/** Of the 32 bits of a sum, 8 hold the pixel and 2 are kept free, the rest are the fraction of the weights. */
const FRACTION_BITS = 32 - 8 - 2;
const ONE = 1 << FRACTION_BITS;
const HALF = 1 << (FRACTION_BITS - 1);

/** For every output position, which input positions contribute and with what weight. */
interface FilterBank {
  /** The first contributing input position, of shape `[outputs]`. */
  readonly first: Int32Array;
  /** How many consecutive inputs contribute, of shape `[outputs]`. */
  readonly count: Int32Array;
  /** Fixed-point weights, of shape `[outputs, taps]`; only the first `count` of a row are used. */
  readonly weights: Int32Array;
  readonly taps: number;
}

/**
 * Resamples an image to the given size. An axis that keeps its length is not touched.
 *
 * Cost: `height · width' · channels · taps` for the rows, `height' · width' · channels · taps` for the columns, where
 * `taps` is about twice the reduction.
 *
 * @example
 * resampleBilinear({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 100) }, 1, 1).data; // [50]
 */
export function resampleBilinear(image: PixelImage, width: number, height: number): PixelImage {
  const wide = image.width === width ? image : resampleRows(image, width);
  return wide.height === height ? wide : resampleColumns(wide, height);
}

function resampleRows(image: PixelImage, width: number): PixelImage {
  const { height, channels, data } = image;
  const { first, count, weights, taps } = triangleFilter(image.width, width);
  const output = new Uint8Array(width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    const row = y * image.width;
    for (let x = 0; x < width; x++) {
      const start = (row + first[x]!) * channels;
      const end = start + count[x]! * channels;
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF;
        for (let from = start + channel, tap = x * taps; from < end; from += channels, tap++) {
          sum += data[from]! * weights[tap]!;
        }
        output[to++] = toByte(sum);
      }
    }
  }
  return { width, height, channels, data: output };
}

function resampleColumns(image: PixelImage, height: number): PixelImage {
  const { width, channels, data } = image;
  const { first, count, weights, taps } = triangleFilter(image.height, height);
  const stride = width * channels;
  const output = new Uint8Array(stride * height);
  const sums = new Float64Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let tap = 0; tap < count[y]!; tap++) {
      const weight = weights[y * taps + tap]!;
      const row = (first[y]! + tap) * stride;
      for (let i = 0; i < stride; i++) sums[i]! += data[row + i]! * weight;
    }
    for (let i = 0; i < stride; i++) output[y * stride + i] = toByte(sums[i]!);
  }
  return { width, height, channels, data: output };
}

/** Drops the fraction of a fixed-point sum, to which one half was added; rounded weights may add up to above one. */
function toByte(sum: number): number {
  return Math.min(sum >> FRACTION_BITS, 255);
}

function triangleFilter(inputs: number, outputs: number): FilterBank {
  const scale = inputs / outputs;
  const halfWidth = Math.max(scale, 1);
  const taps = Math.ceil(halfWidth) * 2 + 1;
  const first = new Int32Array(outputs);
  const count = new Int32Array(outputs);
  const weights = new Int32Array(outputs * taps);
  const exact = new Float64Array(taps);
  for (let output = 0; output < outputs; output++) {
    // Pixel i covers [i, i + 1): centres lie at i + 0.5.
    const centre = (output + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - halfWidth + 0.5));
    const end = Math.min(inputs, Math.trunc(centre + halfWidth + 0.5));
    let total = 0;
    for (let i = start; i < end; i++) {
      // A product with the reciprocal, not a quotient: the last bit of the weight depends on it.
      const distance = Math.abs((i - centre + 0.5) * (1 / halfWidth));
      const weight = distance < 1 ? 1 - distance : 0;
      exact[i - start] = weight;
      total += weight;
    }
    first[output] = start;
    count[output] = end - start;
    for (let tap = 0; tap < end - start; tap++) {
      weights[output * taps + tap] = Math.trunc((exact[tap]! / total) * ONE + 0.5);
    }
  }
  return { first, count, weights, taps };
}
