import { InputError } from '../errors.js';
import { allocateValues } from '../format/element-type.js';
import type { Model, ModelSession, Tensor, TensorInfo } from '../format/model-format.js';

/** Runs a model of one input and any outputs over batches, whatever batch size its graph asks for. */
export class ModelRunner {
  readonly #session: ModelSession;
  readonly #input: TensorInfo;
  /** The batch size that the graph fixes, or undefined. */
  readonly batchSize: number | undefined;

  private constructor(session: ModelSession, input: TensorInfo) {
    this.#session = session;
    this.#input = input;
    this.batchSize = input.shape[0];
  }

  static async start(model: Model): Promise<ModelRunner> {
    return new ModelRunner(await model.session(), singleInput(model));
  }

  /** @param inputs `count` samples, row-major; `shape` is that of one sample */
  async run(
    inputs: Tensor['data'],
    count: number,
    shape: readonly number[],
  ): Promise<Record<string, Tensor>> {
    const fixed = this.batchSize;
    if (fixed === undefined || fixed === count) {
      return this.#session.run({ [this.#input.name]: { shape: [count, ...shape], data: inputs } });
    }
    if (count > fixed) throw new RangeError(`a batch of ${count} exceeds the model's ${fixed}`);
    const data = allocateValues(this.#input.type, (inputs.length / count) * fixed);
    data.set(inputs);
    const outputs = await this.#session.run({ [this.#input.name]: { shape: [fixed, ...shape], data } });
    return Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, firstSamples(tensor, count)]),
    );
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** @throws InputError `UNSUPPORTED` for a model without exactly one input */
export function singleInput(model: Model): TensorInfo {
  const [input, second] = model.inputs;
  if (!input || second) {
    const names = model.inputs.map(({ name }) => name).join(', ');
    throw new InputError(
      'UNSUPPORTED',
      `the model must have one input to be evaluated, it has ${model.inputs.length} (${names}); give a model with one`,
    );
  }
  return input;
}

function firstSamples(tensor: Tensor, count: number): Tensor {
  const size = tensor.data.length / tensor.shape[0]!;
  return { shape: [count, ...tensor.shape.slice(1)], data: tensor.data.subarray(0, count * size) };
}
