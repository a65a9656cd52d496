/**
 * Inputs that were recorded: arrays named as the model's inputs, in one `.npz` file as NumPy writes it, or as `.npy` files of a folder.
 */
import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import {
  allocateValues,
  type CalibrationInputs,
  InputError,
  type Model,
  type SizedInput,
  sizedInputs,
  type Tensor,
} from '@spherize/core';
import { fixedBatch } from '@spherize/core/proof';
import { unzipSync } from 'fflate';
import { Digest } from '../files/digest.js';
import { classIndices, countedClasses, type StoredArray } from './array-dataset.js';
import { assertInside, type Dataset, type DatasetOptions, limitedCount } from './dataset.js';
import { checkValues } from './held-values.js';
import { explainFileError, readInputFile } from './input-file.js';
import type { Normalization } from './normalization.js';
import { parseNpyArray, readNpy } from './npy.js';
import { elementCount, formatShape } from './sample-shape.js';

/** Nothing is done to what was recorded. */
const AS_IT_IS: Normalization = {
  divisor: 1,
  mean: Float32Array.of(0),
  std: Float32Array.of(1),
  round: (value) => value,
};
/** What NumPy calls arrays that were given no name. */
const UNNAMED = /^arr_\d+$/;

/** Samples of all inputs of a model. */
export interface RecordedArrays {
  /** As it was named: `npz:inputs.npz`. */
  readonly name: string;
  readonly samples: number;
  /** What the model's inputs are like; an axis that counts samples is as the model has it. */
  readonly shapes: readonly { readonly input: string; readonly shape: readonly (number | undefined)[] }[];
  /** SHA-256 of all arrays that the model reads, in hex digits. */
  readonly digest: string;
  /** Tensors of some of the samples by the name of the model's input. */
  at(positions: readonly number[]): Record<string, Tensor>;
  /** Some of the samples, in the order of their positions; whole batches only where the model fixes their size. */
  part(positions: readonly number[]): CalibrationInputs;
}

/** Whether a specification names recorded arrays: `npz:FILE`, or a `folder:` that holds `.npy` files. */
export async function namesRecordedArrays(spec: string): Promise<boolean> {
  if (spec.startsWith('npz:')) return true;
  if (!spec.startsWith('folder:')) return false;
  const names = await readdir(spec.slice('folder:'.length)).catch(() => []);
  return names.some((name) => extname(name) === '.npy');
}

/**
 * Opens recorded arrays for a model. Each of its inputs is an array of its name and type, the samples along the input's batch axis; other
 * arrays are passed over. Arrays without names are taken in the order of the inputs, where there are as many and no input has its own.
 *
 * @throws InputError when a file is missing or damaged, an input has no array, or one that does not fit it
 */
export async function openRecordedArrays(spec: string, model: Model, batch: number): Promise<RecordedArrays> {
  return recordedArrays(spec, await readArrays(spec), model, batch);
}

async function recordedArrays(
  spec: string,
  stored: Arrays,
  model: Model,
  batch: number,
): Promise<RecordedArrays> {
  const arrays = named(stored, model);
  const inputs: { readonly input: SizedInput; readonly array: StoredArray }[] = [];
  for (const [i, input] of sizedInputs(model.inputs, 1).entries()) {
    const read = arrays.get(input.name);
    if (read === undefined) throw lacking(spec, input.name, [...arrays.keys()]);
    const array = await read();
    requireFitting(array, input, model.inputs[i]!.shape);
    checkValues(array, AS_IT_IS, input.type);
    inputs.push({ input, array });
  }
  const counted = inputs.filter(({ input }) => input.batchAxis !== undefined && !isShared(input));
  const samples = counted[0] ? counted[0].array.shape[counted[0].input.batchAxis!]! : 1;
  for (const { array, input } of counted)
    if (array.shape[input.batchAxis!] !== samples)
      throw new InputError(
        'BAD_FILE',
        `${array.path}: has ${array.shape[input.batchAxis!]} samples, ${counted[0]!.array.path} has ${samples}; give arrays that belong together`,
      );
  const digest = new Digest();
  for (const { input, array } of inputs)
    digest.text(`${input.name} ${formatShape(array.shape)}`).numbers(array.data);
  const fixed = fixedBatch(model.inputs);
  const size = fixed ?? batch;
  const at = (positions: readonly number[]): Record<string, Tensor> =>
    Object.fromEntries(
      inputs.map(({ input, array }) => [
        input.name,
        isShared(input) ? whole(array, input) : samplesOf(array, input, positions),
      ]),
    );
  return {
    name: spec,
    samples,
    at,
    shapes: inputs.map(({ input, array }, i) => ({
      input: input.name,
      shape: array.shape.map((length, axis) =>
        axis === input.batchAxis ? model.inputs[i]!.shape[axis] : length,
      ),
    })),
    digest: digest.end(),
    part(positions) {
      const count = fixed === undefined ? positions.length : positions.length - (positions.length % fixed);
      if (count === 0)
        throw new InputError(
          'BAD_ARGUMENT',
          `--calibrate ${spec}: the model takes ${size} samples at a time, but there are only ${positions.length}`,
        );
      return {
        name: spec,
        samples: count,
        async *batches() {
          for (let start = 0; start < count; start += size) {
            yield at(positions.slice(start, Math.min(start + size, count)));
          }
        },
      };
    },
  };

  /** A number or a list that serves all samples. */
  function isShared({ batchAxis, shape, name }: SizedInput): boolean {
    if (batchAxis === undefined) return true;
    const own = model.inputs.find((input) => input.name === name)!.shape;
    return shape.length === 1 && own[0] !== undefined && model.inputs.length > 1;
  }
}

/** What the array of the labels may be called. */
const LABELS = ['labels', 'label', 'y'];

/**
 * The samples and the labels of an `.npz` file of both: an array called `labels`, `label` or `y`, and one other.
 *
 * @throws InputError as `openRecordedArrays` does, and for other arrays than these two
 */
export async function labelledArrays(spec: string): Promise<[StoredArray, StoredArray]> {
  const arrays = await readNpz(spec);
  const labels = LABELS.find((name) => arrays.has(name));
  const [inputs, ...more] = [...arrays.keys()].filter((name) => name !== labels);
  if (labels === undefined || inputs === undefined || more.length > 0)
    throw new InputError(
      'BAD_ARGUMENT',
      `--data ${spec}: holds ${[...arrays.keys()].join(', ')}, expected the samples and their labels; save them with numpy.savez(FILE, inputs=X, labels=Y)`,
    );
  return [await arrays.get(inputs)!(), await arrays.get(labels)!()];
}

/**
 * Opens recorded arrays with labels for a model of several inputs: an array for each of them, as `openRecordedArrays` reads them, and one called
 * `labels`, `label` or `y` that is no input of the model.
 *
 * @throws InputError as `openRecordedArrays` does, for labels that are missing, too many or too few, or no class indices, and for options on pixels
 */
export async function openLabelledInputs(
  spec: string,
  model: Model,
  options: DatasetOptions,
): Promise<Dataset> {
  if (options.mean !== undefined || options.std !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `--data ${spec}: recorded inputs are taken as they are: leave out --mean and --std`,
    );
  const arrays = new Map(await readArrays(spec));
  const name = LABELS.find((own) => arrays.has(own) && !model.inputs.some((input) => input.name === own));
  const read = name === undefined ? undefined : arrays.get(name);
  if (name === undefined || read === undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `--data ${spec}: has no labels, only ${[...arrays.keys()].join(', ')}: add an array of class indices called ${LABELS.join(', ')}`,
    );
  arrays.delete(name);
  const recorded = await recordedArrays(spec, arrays, model, 1);
  const labels = await read();
  const classes = classIndices(labels, { path: spec, samples: recorded.samples }, options);
  const samples = limitedCount(recorded.samples, options.limit);
  return {
    name: spec,
    samples,
    scores: options.scores,
    classes: countedClasses(classes),
    digest: async () => new Digest().text(recorded.digest).numbers(classes.subarray(0, samples)).end(),
    async batch(positions) {
      assertInside(samples, positions);
      return {
        inputs: recorded.at(positions),
        labels: Int32Array.from(positions, (position) => classes[position]!),
      };
    },
  };
}

/**
 * One array of an `.npz` file.
 *
 * @throws InputError as `openRecordedArrays` does, and where there is none of that name
 */
export async function readArray(spec: string, name: string): Promise<StoredArray> {
  const arrays = await readNpz(spec);
  const read = arrays.get(name);
  if (read === undefined)
    throw new InputError(
      'UNKNOWN_NAME',
      `${spec}: has no array '${name}', only ${[...arrays.keys()].join(', ')}`,
    );
  return read();
}

/** Arrays by name, each read when it is needed: others may hold what is not read. */
type Arrays = ReadonlyMap<string, () => StoredArray | Promise<StoredArray>>;

function readArrays(spec: string): Promise<Arrays> {
  return spec.startsWith('npz:') ? readNpz(spec) : readFolder(spec);
}

async function readNpz(spec: string): Promise<Arrays> {
  const path = spec.slice('npz:'.length);
  if (path === '') throw new InputError('BAD_ARGUMENT', "data: 'npz:' lacks its path, expected npz:FILE.npz");
  const file = await readInputFile(path);
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(file, { filter: ({ name }) => name.endsWith('.npy') });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      'BAD_FILE',
      `${path}: could not be read as .npz (${reason}); save it with numpy.savez`,
      {
        cause,
      },
    );
  }
  const arrays = Object.entries(members).map(([member, bytes]) => {
    const name = member.slice(0, -'.npy'.length);
    return [name, () => parseNpyArray(`${path}: ${name}`, bytes)] as const;
  });
  if (arrays.length === 0)
    throw new InputError(
      'BAD_FILE',
      `${path}: holds no arrays; save them with numpy.savez, named as the model's inputs`,
    );
  return new Map(arrays);
}

async function readFolder(spec: string): Promise<Arrays> {
  const folder = spec.slice('folder:'.length);
  try {
    const names = (await readdir(folder)).filter((name) => extname(name) === '.npy').sort();
    return new Map(names.map((name) => [basename(name, '.npy'), () => readNpy(join(folder, name))]));
  } catch (cause) {
    throw explainFileError(folder, cause);
  }
}

/** Arrays by the name of the input that they are for. */
function named(arrays: Arrays, { inputs }: Model): Arrays {
  const [first, second] = inputs;
  if (first !== undefined && second === undefined && arrays.size === 1)
    return new Map([[first.name, [...arrays.values()][0]!]]);
  const unnamed = [...arrays.keys()].filter((name) => UNNAMED.test(name));
  if (unnamed.length !== inputs.length || inputs.some(({ name }) => arrays.has(name))) return arrays;
  return new Map(inputs.map(({ name }, i) => [name, arrays.get(`arr_${i}`)!]));
}

function lacking(spec: string, input: string, names: readonly string[]): InputError {
  return new InputError(
    'BAD_ARGUMENT',
    `--calibrate ${spec}: has no array for the model's input '${input}', only ${names.join(', ')}; name each array as its input`,
  );
}

function requireFitting(
  { path, shape }: StoredArray,
  { batchAxis }: SizedInput,
  own: Model['inputs'][number]['shape'],
): void {
  const fits =
    shape.length === own.length &&
    own.every((length, axis) => length === undefined || axis === batchAxis || length === shape[axis]);
  if (fits && elementCount(shape) > 0) return;
  throw new InputError(
    'BAD_FILE',
    `${path}: has shape ${formatShape(shape)}, but the model takes ${formatShape(own)}; give arrays made for this model, with a first axis of samples`,
  );
}

function whole({ shape, data }: StoredArray, { type }: SizedInput): Tensor {
  const values = allocateValues(type, data.length);
  values.set(data);
  return { shape, data: values };
}

/** Some samples of an array, whose axis of samples may lie behind others. */
function samplesOf(
  { shape, data }: StoredArray,
  { type, batchAxis }: SizedInput,
  positions: readonly number[],
): Tensor {
  const axis = batchAxis!;
  const all = shape[axis]!;
  const inner = elementCount(shape.slice(axis + 1));
  const outer = elementCount(shape.slice(0, axis));
  const count = positions.length;
  const values = allocateValues(type, outer * count * inner);
  for (let o = 0; o < outer; o++) {
    for (const [i, position] of positions.entries()) {
      const from = (o * all + position) * inner;
      values.set(data.subarray(from, from + inner), (o * count + i) * inner);
    }
  }
  return { shape: shape.map((length, a) => (a === axis ? count : length)), data: values };
}
