import type { Random } from '../random.js';
import { smoothNoise } from './smooth-noise.js';

/**
 * A random image of smooth noise: what the layers of an image network need to be woken, without any image. White noise does not do
 * it: filters average it away. One of three kinds, equally often:
 *
 * - a textured shape on a ground,
 * - a field of two scales between two levels,
 * - a shape filled with a second, softly thresholded field, mostly on black.
 *
 * Scales, sharpness of edges, thresholds and levels are drawn anew for every image, over wide ranges.
 *
 * @returns values in [0, 1], one plane of `height × width` per channel; channels differ by a tint
 */
export function smoothImage(height: number, width: number, channels: number, random: Random): Float32Array[] {
  const kinds = [texturedShape, twoScales, filledShape];
  const plane = kinds[random.integer(kinds.length)]!(height, width, random);
  if (channels === 1) return [plane];
  return Array.from({ length: channels }, () => {
    const gain = between(random, 0.6, 1);
    const ground = between(random, 0, 1 - gain);
    return plane.map((value) => ground + gain * value);
  });
}

function texturedShape(height: number, width: number, random: Random): Float32Array {
  const longer = Math.max(height, width);
  const shape = smoothNoise(height, width, scale(random, 1.5, longer / 4), random);
  const sharpness = scale(random, 1, 20);
  const threshold = between(random, -1, 1);
  const texture = smoothNoise(height, width, scale(random, 3, longer / 1.5), random);
  const strength = between(random, 0, 0.5);
  const ground = random.uniform() < 0.5 ? 0 : random.uniform();
  const light = between(random, 0.2, 1);
  return shape.map((value, p) => {
    const surface = light * (1 + strength * texture[p]!);
    return clamp(ground + (surface - ground) * sigmoid(sharpness * (value - threshold)));
  });
}

function twoScales(height: number, width: number, random: Random): Float32Array {
  const longer = Math.max(height, width);
  const broad = smoothNoise(height, width, scale(random, 1, longer / 4.5), random);
  const fine = smoothNoise(height, width, scale(random, 4, longer / 1.4), random);
  const share = between(random, 0, 0.7);
  const sharpness = scale(random, 0.7, 10);
  const threshold = between(random, -1, 1);
  const from = random.uniform();
  const to = random.uniform();
  return broad.map((value, p) => {
    const field = (value + share * fine[p]!) / Math.hypot(1, share);
    return from + (to - from) * sigmoid(sharpness * (field - threshold));
  });
}

function filledShape(height: number, width: number, random: Random): Float32Array {
  const longer = Math.max(height, width);
  const shape = smoothNoise(height, width, scale(random, 1, longer / 5.5), random);
  const edge = scale(random, 2, 30);
  const threshold = between(random, -1, 0.7);
  const filling = smoothNoise(height, width, scale(random, 2, longer / 1.4), random);
  const sharpness = scale(random, 0.5, 6);
  const middle = between(random, -1, 1);
  const from = random.uniform();
  const to = random.uniform();
  const ground = random.uniform() < 0.7 ? 0 : random.uniform();
  return shape.map((value, p) => {
    const inside = from + (to - from) * sigmoid(sharpness * (filling[p]! - middle));
    return ground + (inside - ground) * sigmoid(edge * (value - threshold));
  });
}

/** Equally likely on a logarithmic scale; the upper end never lies below the lower one. */
function scale(random: Random, from: number, to: number): number {
  return from * Math.max(1, to / from) ** random.uniform();
}

function between(random: Random, from: number, to: number): number {
  return from + (to - from) * random.uniform();
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
