import type { Random } from '../random.js';

/**
 * A random smooth field: normal numbers on a coarse grid, interpolated by cubic convolution (Keys, 1981,
 * doi:10.1109/TASSP.1981.1163711) and standardised to mean 0 and deviation 1.
 *
 * @param cells grid cells along the longer side: few make broad shapes, many make fine texture
 * @returns `height × width` values, row-major
 */
export function smoothNoise(height: number, width: number, cells: number, random: Random): Float32Array {
  const longer = Math.max(height, width);
  const rows = gridAxis(height, (cells * height) / longer, random);
  const cols = gridAxis(width, (cells * width) / longer, random);
  const grid = Float32Array.from({ length: rows.points * cols.points }, () => random.normal());
  // Along the rows of the grid first, then across them.
  const wide = new Float32Array(rows.points * width);
  for (let y = 0; y < rows.points; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * cols.points + cols.first[x]!;
      let sum = 0;
      for (let t = 0; t < 4; t++) sum += cols.weights[4 * x + t]! * grid[at + t]!;
      wide[y * width + x] = sum;
    }
  }
  const field = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const at = rows.first[y]! * width;
    for (let t = 0; t < 4; t++) {
      const weight = rows.weights[4 * y + t]!;
      for (let x = 0; x < width; x++)
        field[y * width + x] = field[y * width + x]! + weight * wide[at + t * width + x]!;
    }
  }
  return standardise(field);
}

/** For every pixel of an axis the first of its four grid points and their weights, at a random offset. */
function gridAxis(
  pixels: number,
  cells: number,
  random: Random,
): { points: number; first: Int32Array; weights: Float32Array } {
  const offset = random.uniform();
  const first = new Int32Array(pixels);
  const weights = new Float32Array(4 * pixels);
  for (let p = 0; p < pixels; p++) {
    const place = offset + (p * cells) / pixels;
    const cell = Math.floor(place);
    first[p] = cell;
    for (let t = 0; t < 4; t++) weights[4 * p + t] = cubic(place - cell - t + 1);
  }
  return { points: first.at(-1)! + 4, first, weights };
}

/** Keys' kernel with a = −1/2. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  if (d < 2) return -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2;
  return 0;
}

function standardise(field: Float32Array): Float32Array {
  let sum = 0;
  let squares = 0;
  for (const value of field) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / field.length;
  const deviation = Math.sqrt(Math.max(squares / field.length - mean * mean, 1e-12));
  return field.map((value) => (value - mean) / deviation);
}
