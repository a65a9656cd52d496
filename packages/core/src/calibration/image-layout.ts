/** How an image lies in a tensor without its batch axis. */
export interface ImageLayout {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether the channels are the last axis instead of the first. */
  readonly channelsLast: boolean;
}

export interface PixelNormalization {
  /** Subtracted from pixels in [0, 1], one number or one per channel. Default 0. */
  readonly mean?: readonly number[] | undefined;
  /** Divides them afterwards. Default 1. */
  readonly std?: readonly number[] | undefined;
}

const CHANNELS: readonly (number | undefined)[] = [1, 3, 4];

/** The axis with the channels of `[N, C, H, W]` or `[N, H, W, C]`, whatever their other lengths; undefined for anything else. */
export function channelAxisOf(shape: readonly (number | undefined)[]): 1 | 3 | undefined {
  if (shape.length !== 4) return undefined;
  if (CHANNELS.includes(shape[1])) return 1;
  return CHANNELS.includes(shape[3]) ? 3 : undefined;
}

/** `[C, H, W]` or `[H, W, C]` with 1, 3 or 4 channels; undefined for anything else. */
export function imageLayout(sample: readonly number[]): ImageLayout | undefined {
  const axis = channelAxisOf([1, ...sample]);
  if (axis === undefined) return undefined;
  const [first, second, third] = sample as [number, number, number];
  return axis === 1
    ? { channels: first, height: second, width: third, channelsLast: false }
    : { channels: third, height: first, width: second, channelsLast: true };
}

/**
 * Writes an image as the model reads it: `(pixel · unit − mean)/std`.
 *
 * @param planes one plane of `height × width` per channel
 * @param unit what a pixel of 1 stands for: 1, or 1/255 for bytes
 */
export function writeImage(
  target: Float32Array | Float64Array,
  planes: readonly ArrayLike<number>[],
  unit: number,
  layout: ImageLayout,
  { mean, std }: PixelNormalization,
): void {
  const pixels = layout.height * layout.width;
  planes.forEach((plane, c) => {
    const start = layout.channelsLast ? c : c * pixels;
    const step = layout.channelsLast ? layout.channels : 1;
    const from = mean ? mean[c % mean.length]! : 0;
    const by = std ? std[c % std.length]! : 1;
    for (let p = 0; p < pixels; p++) target[start + p * step] = (plane[p]! * unit - from) / by;
  });
}
