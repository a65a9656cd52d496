import type { Random } from '../random.js';
import type { ImageLayout } from './image-layout.js';
import { smoothNoise } from './smooth-noise.js';

/** An image of bytes (writing to it rounds and clamps), one plane of `height × width` per channel. */
export type ByteImage = readonly Uint8ClampedArray[];

/** Darker than this is ground, which stays as it is when an image is shaded. */
const GROUND = 5;

/**
 * A new image out of others; one of three ways, equally often:
 *
 * - a soft-edged region of one parent takes the place of the other's,
 * - the parent is shaded by smooth noise and its contrast changed,
 * - the parent is shifted by up to a tenth of its size, and flipped half of the time.
 */
export function imageOffspring(
  parent: ByteImage,
  other: ByteImage,
  layout: ImageLayout,
  random: Random,
): ByteImage {
  const ways = [
    () => crossed(parent, other, layout, random),
    () => shaded(parent, layout, random),
    () => moved(parent, layout, random),
  ];
  return ways[random.integer(ways.length)]!();
}

function crossed(parent: ByteImage, other: ByteImage, layout: ImageLayout, random: Random): ByteImage {
  const field = smoothNoise(layout.height, layout.width, 6 ** random.uniform(), random);
  const threshold = 1.5 * random.uniform() - 0.5;
  const sharpness = 2 * 10 ** random.uniform();
  const share = field.map((value) => 1 / (1 + Math.exp(-sharpness * (value - threshold))));
  return parent.map((plane, c) => plane.map((value, p) => value + (other[c]![p]! - value) * share[p]!));
}

function shaded(parent: ByteImage, layout: ImageLayout, random: Random): ByteImage {
  const field = smoothNoise(layout.height, layout.width, 12 ** random.uniform(), random);
  const strength = 255 * 0.05 * 10 ** random.uniform();
  const contrast = 0.7 + 0.6 * random.uniform();
  return parent.map((plane) => {
    const tint = strength * (0.5 + 0.5 * random.uniform());
    return plane.map((value, p) => contrast * value + (value > GROUND ? tint * field[p]! : 0));
  });
}

function moved(parent: ByteImage, { height, width }: ImageLayout, random: Random): ByteImage {
  const down = random.integer(Math.ceil(height / 5)) - Math.floor(height / 10);
  const right = random.integer(Math.ceil(width / 5)) - Math.floor(width / 10);
  const flip = random.uniform() < 0.5;
  const inside = (at: number, length: number): number => Math.min(length - 1, Math.max(0, at));
  return parent.map((plane) =>
    plane.map((_, p) => {
      const y = inside(Math.floor(p / width) + down, height);
      const x = inside((p % width) + right, width);
      return plane[y * width + (flip ? width - 1 - x : x)]!;
    }),
  );
}
