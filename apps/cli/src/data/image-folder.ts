/**
 * A folder of images with one subfolder per class, decoded and transformed batch by batch.
 *
 * Classes are the subfolders' names sorted by code unit (`10` comes before `2`), or a list of names in the model's order; a label is
 * an index into them, plus an offset.
 * Files are found at any depth of a class and sorted by path. Samples go round the classes: the first image of every
 * class, then the second of every class that has one, and so on, so that any limit takes a share of every class.
 * Names that start with a dot, and files that are not images by their extension, are passed over.
 */
import { readdir, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { allocateValues, InputError } from '@spherize/core';
import { requireMemory } from '@spherize/files';
import { Digest } from '../files/digest.js';
import { assertInside, type ClassNames, type Dataset, type DatasetOptions, limitedCount } from './dataset.js';
import { evaluationTransform } from './evaluation-transform.js';
import { requireBytes } from './held-values.js';
import { decodeImage, IMAGE_EXTENSIONS } from './image-decoding.js';
import { explainFileError } from './input-file.js';
import { createNormalization, normalizeInterleaved, normalizeSample } from './normalization.js';
import { channelAxis, fitSampleShape, formatShape, type InputShape } from './sample-shape.js';

/** Images decoded at the same time: enough to keep sharp's threads busy while one image is resampled here. */
const CONCURRENT_IMAGES = 2;
/** The input size of a model that leaves its height and width open. */
const DEFAULT_SIZE = 224;

/**
 * Opens a folder of images for a square model input, RGB or grey by its number of channels.
 *
 * @throws InputError when the folder is missing, has no classes or a class without images, or the model's input is
 * not that of an image.
 */
export async function openImageFolder(
  name: string,
  directory: string,
  options: DatasetOptions,
): Promise<Dataset> {
  const { channels, size, channelsLast } = imageInput(options.sampleShape);
  const own = channelsLast ? [size, size, channels] : [channels, size, size];
  const shape = fitSampleShape(own, options.sampleShape);
  const normalization = createNormalization(channels, true, options);
  const { input = 'input', type, labelOffset = 0, classNames, scores } = options;
  if (labelOffset < 0)
    throw new InputError(
      'BAD_ARGUMENT',
      `folder: the classes are numbered from 0, --label-offset ${labelOffset} makes them negative; leave it out`,
    );
  requireBytes('folder', type);
  const folders = await listClasses(directory);
  const indices = classNames ? orderedByName(directory, folders, classNames) : [...folders.keys()];
  const { paths, labels } = interleaveClasses(
    folders.map(({ images }) => images),
    indices.map((index) => index + labelOffset),
  );
  const samples = limitedCount(paths.length, options.limit);
  const pixels = size * size;
  requireMemory(
    `folder: an image of shape ${formatShape(shape)}`,
    allocateValues(type, 1).BYTES_PER_ELEMENT * channels * pixels,
    'give a model with smaller inputs',
  );

  return {
    name,
    samples,
    scores,
    classes: classNames
      ? { count: classNames.names.length + labelOffset, from: 'names' }
      : { count: folders.length + labelOffset, from: 'folders' },
    async digest() {
      const digest = new Digest().numbers(labels.subarray(0, samples));
      for (const path of paths.slice(0, samples)) await digest.text(path).file(path);
      return digest.end();
    },
    async batch(positions) {
      assertInside(samples, positions);
      const data = allocateValues(type, positions.length * channels * pixels);
      await forEachConcurrently(positions.length, async (i) => {
        const image = evaluationTransform(await decodeImage(paths[positions[i]!]!, channels), size);
        const interleaved = { offset: 0, channelStride: 1, pixelStride: channels };
        const start = i * channels * pixels;
        if (channelsLast) normalizeInterleaved(normalization, image.data, data, start);
        else normalizeSample(normalization, image.data, interleaved, pixels, data, start);
      });
      return {
        inputs: { [input]: { shape: [positions.length, ...shape], data } },
        labels: Int32Array.from(positions, (position) => labels[position]!),
      };
    },
  };
}

/**
 * Reads from the model's input shape how many channels an image must have, how long its sides must be, and whether the channels
 * come last.
 */
function imageInput(shape: InputShape | undefined): {
  channels: 1 | 3;
  size: number;
  channelsLast: boolean;
} {
  if (shape === undefined) return { channels: 3, size: DEFAULT_SIZE, channelsLast: false };
  if (shape.length === 1 && shape[0] !== undefined) {
    for (const channels of [1, 3] as const) {
      const size = Math.sqrt(shape[0] / channels);
      if (Number.isInteger(size)) return { channels, size, channelsLast: false };
    }
  }
  const channelsLast = channelAxis(shape) === 2;
  const [channels = 3, height, width] = channelsLast ? [shape[2], shape[0], shape[1]] : shape;
  const size = height ?? width ?? DEFAULT_SIZE;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3) || size !== (width ?? size)) {
    throw new InputError(
      'UNSUPPORTED',
      `folder: images are made for an input of shape [1 or 3, size, size] or [size, size, 1 or 3], the model takes ${formatShape(shape)}; give the data as npy:X.npy,Y.npy`,
    );
  }
  return { channels, size, channelsLast };
}

/** A subfolder and its sorted image paths. */
interface ClassFolder {
  readonly name: string;
  readonly images: readonly string[];
}

/** The subfolders in the order of their names. */
async function listClasses(directory: string): Promise<ClassFolder[]> {
  const names = (await list(directory, false)).filter((name) => !name.startsWith('.'));
  const folders = await Promise.all(names.map((name) => isFolder(join(directory, name))));
  const classes = names.filter((_, i) => folders[i]);
  if (classes.length === 0) {
    throw new InputError(
      'BAD_ARGUMENT',
      `${directory}: has no subfolders; expected one folder of images per class`,
    );
  }
  return Promise.all(
    classes.map(async (name) => ({ name, images: await listImages(join(directory, name)) })),
  );
}

/** The position of every folder's name in a list. */
function orderedByName(
  directory: string,
  folders: readonly ClassFolder[],
  { path, names }: ClassNames,
): number[] {
  const positions = new Map(names.map((name, i) => [name, i]));
  return folders.map(({ name }) => {
    const position = positions.get(name);
    if (position === undefined)
      throw new InputError(
        'BAD_ARGUMENT',
        `${directory}: the folder '${name}' is not among the ${names.length} classes of ${path}; add its name there, or rename it`,
      );
    return position;
  });
}

async function listImages(directory: string): Promise<string[]> {
  const names = (await list(directory, true)).filter(
    (name) =>
      IMAGE_EXTENSIONS.includes(extname(name).toLowerCase()) &&
      !name.split(sep).some((part) => part.startsWith('.')),
  );
  if (names.length === 0) {
    throw new InputError(
      'BAD_ARGUMENT',
      `${directory}: this class has no image (${IMAGE_EXTENSIONS.join(' ')}); add some or remove the folder`,
    );
  }
  return names.map((name) => join(directory, name));
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw explainFileError(path, cause);
  }
}

async function list(directory: string, recursive: boolean): Promise<string[]> {
  try {
    // The default order of sort is by code unit.
    return (await readdir(directory, { recursive })).sort();
  } catch (cause) {
    throw explainFileError(directory, cause);
  }
}

function interleaveClasses(
  classes: readonly (readonly string[])[],
  indices: readonly number[],
): { paths: string[]; labels: Int32Array } {
  const paths: string[] = [];
  const labels: number[] = [];
  const longest = Math.max(...classes.map((images) => images.length));
  for (let round = 0; round < longest; round++) {
    for (const [i, images] of classes.entries()) {
      const path = images[round];
      if (path === undefined) continue;
      paths.push(path);
      labels.push(indices[i]!);
    }
  }
  return { paths, labels: Int32Array.from(labels) };
}

/** Runs a task for 0 to `count − 1`, a few at a time; after a failure no further task is started. */
async function forEachConcurrently(count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      try {
        await task(next++);
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_IMAGES }, worker));
}
