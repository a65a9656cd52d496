import { InputError } from '../errors.js';
import type { Tensor, TensorInfo } from '../format/model-format.js';
import type { CalibrationInputs } from './calibration-inputs.js';

/** What is asked of an input source. */
export interface InputSourceOptions {
  /** How many are wanted, in all batches together. */
  readonly samples: number;
  /** Of what is random. Another seed gives other samples: those on which the result is measured. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** A plug-in that gives inputs to refit on: read from somewhere, or made up as what the model is used on. */
export interface InputSource {
  readonly name: string;
  /**
   * Tensors for all of a model's inputs by name, batch by batch: the same ones in the same order at every call with the same options.
   *
   * @param inputs what the model takes
   */
  batches(
    inputs: readonly TensorInfo[],
    options: InputSourceOptions,
  ): AsyncIterable<Readonly<Record<string, Tensor>>> | Iterable<Readonly<Record<string, Tensor>>>;
}

/**
 * What a source gives, checked as it comes.
 *
 * @throws InputError `BAD_PLUGIN`, while it is read, for an input without a tensor, or one whose numbers do not fill its shape
 */
export function sourcedInputs(
  source: InputSource,
  inputs: readonly TensorInfo[],
  options: Omit<InputSourceOptions, 'signal'>,
): CalibrationInputs {
  return {
    name: source.name,
    samples: options.samples,
    async *batches(signal) {
      for await (const batch of source.batches(inputs, { ...options, signal })) {
        for (const { name, shape } of inputs) requireTensor(source.name, name, shape, batch[name]);
        yield batch;
      }
    },
  };
}

function requireTensor(
  source: string,
  name: string,
  wanted: TensorInfo['shape'],
  tensor: Tensor | undefined,
): void {
  if (tensor === undefined)
    throw new InputError(
      'BAD_PLUGIN',
      `input source '${source}' gives nothing for input '${name}': yield a tensor of that name`,
    );
  const { shape, data } = tensor;
  const fits =
    shape.length === wanted.length &&
    wanted.every((length, axis) => length === undefined || length === shape[axis]);
  const text = (sizes: TensorInfo['shape']) => `[${sizes.map((size) => size ?? 'any').join(', ')}]`;
  if (!fits)
    throw new InputError(
      'BAD_PLUGIN',
      `input source '${source}' gives input '${name}' as ${text(shape)}, but the model takes ${text(wanted)}`,
    );
  if (data.length !== shape.reduce((product, size) => product * size, 1))
    throw new InputError(
      'BAD_PLUGIN',
      `input source '${source}' gives ${data.length} numbers for input '${name}' of shape ${text(shape)}`,
    );
}
