/** What inputs of a model most likely hold, from their types, shapes, names and the tables that they are looked up in. */
import { InputError } from '../errors.js';
import { type ElementType, isFloat, valueRange } from '../format/element-type.js';
import type { Random } from '../random.js';
import { imageLayout, type PixelNormalization, writeImage } from './image-layout.js';
import type { SizedInput } from './input-shapes.js';
import { smoothImage } from './smooth-image.js';

/** Writes the values of one sample. */
export type Fill = (target: Float32Array | Float64Array, random: Random) => void;

/** Tables of so few entries tell the parts of a text apart: a question and its answer. */
const MOST_PARTS = 4;
/** Words before this rank are about equally frequent (Mandelbrot's correction of Zipf's law). */
const FREQUENT = 2.7;

/** The shape of one sample. */
export function sampleShape({ shape, batchAxis }: SizedInput): number[] {
  return shape.filter((_, axis) => axis !== batchAxis);
}

/**
 * Makes up the values of samples of an input:
 *
 * - images of 1, 3 or 4 channels, floats or bytes (see `generatedInputs`);
 * - whole numbers that are places in a table (`TensorInfo.entries`): words, frequent ones often (Zipf's law over their numbers, mixed
 *   with all alike); places in a text, for an input with `position` in its name; 0 and then 1, for a table of up to four entries;
 * - masks, by their name: nothing is masked;
 * - truth values: false;
 * - other floats: standard normal numbers.
 *
 * @throws InputError `UNSUPPORTED` for whole numbers of which nothing is known, and for types that are no numbers
 */
export function fillerOf(input: SizedInput, normalization: PixelNormalization): Fill {
  const { name, type = 'float32', entries } = input;
  const sample = sampleShape(input);
  const layout = entries === undefined ? imageLayout(sample) : undefined;
  // TensorFlow.js also takes places in tables as floats.
  const floats = isFloat(type) && entries === undefined;
  if (layout && (floats || holdsBytes(type))) return imageFiller(layout, floats ? normalization : undefined);
  if (floats && !isMask(input))
    return (target, random) => {
      for (let i = 0; i < target.length; i++) target[i] = random.normal();
    };
  if (valueRange(type) === undefined) throw notGenerated(name, type);
  if (isMask(input)) return (target) => target.fill(1);
  if (type === 'bool') return (target) => target.fill(0);
  if (/position/i.test(name))
    return (target) => {
      const length = sample.at(-1) ?? 1;
      for (let i = 0; i < target.length; i++) target[i] = (i % length) % (entries ?? length);
    };
  if (entries === undefined) throw notGenerated(name, 'whole numbers');
  if (entries <= MOST_PARTS)
    return (target, random) => target.fill(Math.min(1, entries - 1), random.integer(target.length + 1));
  return (target, random) => {
    for (let i = 0; i < target.length; i++) target[i] = randomWord(entries, random);
  };
}

/** Whether an input says where there is something, by its name: one of a text and its words has the shape of the text. */
export function isMask({ name, type = 'float32', shape }: SizedInput): boolean {
  return /mask/i.test(name) && (!isFloat(type) || shape.length === 2);
}

/** Whether an input holds the words of texts: each a place in a table. */
export function holdsWords(input: SizedInput): input is SizedInput & { readonly entries: number } {
  const { name, entries = 0 } = input;
  return entries > MOST_PARTS && !/position/i.test(name) && !isMask(input);
}

/** Vocabularies list words by their frequency, but for special ones: half of all draws take any word alike. */
function randomWord(entries: number, random: Random): number {
  if (random.uniform() < 0.5) return random.integer(entries);
  const rank = FREQUENT * ((entries / FREQUENT + 1) ** random.uniform() - 1);
  return Math.min(entries - 1, Math.floor(rank));
}

function imageFiller(
  layout: NonNullable<ReturnType<typeof imageLayout>>,
  normalization: PixelNormalization | undefined,
): Fill {
  const { height, width, channels } = layout;
  return (target, random) => {
    const planes = smoothImage(height, width, channels, random);
    if (normalization) writeImage(target, planes, 1, layout, normalization);
    else writeImage(target, planes.map(bytesOf), 1, layout, {});
  };
}

function holdsBytes(type: ElementType): boolean {
  const range = valueRange(type);
  return range !== undefined && range.least <= 0 && range.most >= 255;
}

/** A plane of pixels in [0, 1] as bytes. */
export function bytesOf(plane: Float32Array): Uint8ClampedArray {
  return Uint8ClampedArray.from(plane, (value) => 255 * value);
}

function notGenerated(name: string, held: string): InputError {
  return new InputError(
    'UNSUPPORTED',
    `calibration: input '${name}' holds ${held}, which cannot be generated: give data`,
  );
}
