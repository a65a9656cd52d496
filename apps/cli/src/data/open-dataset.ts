/**
 * From what a user types after `--data` to a data set.
 */
import { existsSync } from 'node:fs';
import { InputError } from '@spherize/core';
import { embeddedFile } from '../embedded/embedded-files.js';
import { splitList } from '../options/list-text.js';
import { createArrayDataset } from './array-dataset.js';
import type { Dataset, DatasetOptions } from './dataset.js';
import { openIdxDataset } from './idx.js';
import { openImageFolder } from './image-folder.js';
import { openNpyDataset } from './npy.js';
import { labelledArrays } from './recorded-arrays.js';

/** The forms of a data specification, for help texts and messages. */
export const DATASET_SPECS: readonly string[] = [
  'fashion-mnist',
  'fashion-mnist-train',
  'idx:IMAGES,LABELS',
  'folder:DIR',
  'npy:X.npy,Y.npy',
  'npz:FILE.npz',
];

/**
 * Opens a data set by its specification, one of `DATASET_SPECS`.
 *
 * @throws InputError when the specification is unknown, a file is missing or damaged, an option is out of range, or
 * the samples do not fit the model's input.
 *
 * @example
 * const data = await openDataset('fashion-mnist', { sampleShape: [1, 28, 28], limit: 2000 });
 * const { inputs, labels } = await data.batch([0, 1, 2]);
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  if (spec === 'fashion-mnist') return openEmbedded(spec, 't10k', options);
  if (spec === 'fashion-mnist-train') return openEmbedded(spec, 'train-2000', options);
  const colon = spec.indexOf(':');
  const rest = spec.slice(colon + 1);
  switch (colon < 0 ? '' : spec.slice(0, colon)) {
    case 'idx': {
      const [images, labels] = splitPair(spec, rest, 'idx:IMAGES,LABELS');
      return openIdxDataset(spec, images, labels, options);
    }
    case 'npy': {
      const [inputs, labels] = splitPair(spec, rest, 'npy:X.npy,Y.npy');
      return openNpyDataset(spec, inputs, labels, options);
    }
    case 'npz': {
      const [inputs, labels] = await labelledArrays(spec);
      return createArrayDataset(spec, inputs, labels, options);
    }
    case 'folder':
      if (rest === '')
        throw new InputError('BAD_ARGUMENT', "data: 'folder:' lacks its path, expected folder:DIR");
      return openImageFolder(spec, rest, options);
    default:
      throw unknownData(spec);
  }
}

/** Whether a specification is of one of the forms of `DATASET_SPECS`, whatever it names. */
export function isDataSpec(spec: string): boolean {
  return DATASET_SPECS.some((form) => form === spec || spec.startsWith(`${form.split(':')[0]}:`));
}

export function unknownData(spec: string): InputError {
  return new InputError(
    'UNKNOWN_NAME',
    `data: unknown '${spec}', expected one of ${DATASET_SPECS.join(', ')}`,
  );
}

/** Fashion-MNIST's 10,000 test images, or the first 2,000 of its training images. */
async function openEmbedded(spec: string, part: string, options: DatasetOptions): Promise<Dataset> {
  const images = embeddedFile(`data/${part}-images-idx3-ubyte.gz`);
  const labels = embeddedFile(`data/${part}-labels-idx1-ubyte.gz`);
  if (!existsSync(images) || !existsSync(labels)) {
    throw new InputError(
      'NOT_FOUND',
      `${spec}: ${images} and its labels are missing; install again, or give your own as idx:IMAGES,LABELS`,
    );
  }
  return openIdxDataset(spec, images, labels, options);
}

function splitPair(spec: string, rest: string, form: string): [string, string] {
  const [first, second, ...more] = splitList('data', rest);
  if (!first || !second || more.length > 0) {
    throw new InputError(
      'BAD_ARGUMENT',
      `data: '${spec}' must name two files separated by one comma, as in ${form}; a name with a comma goes into "quotes"`,
    );
  }
  return [first, second];
}
