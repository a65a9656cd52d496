import { fixedBatch } from '../calibration/input-shapes.js';
import { InputError } from '../errors.js';
import type { Model, ModelSession, Tensor, TensorInfo } from '../format/model-format.js';

/** Runs a model over batches, whatever batch size its graph asks for. */
export class ModelRunner {
  readonly #session: ModelSession;
  readonly #inputs: readonly TensorInfo[];
  /** The batch size that the graph fixes, or undefined. */
  readonly batchSize: number | undefined;

  private constructor(session: ModelSession, inputs: readonly TensorInfo[]) {
    this.#session = session;
    this.#inputs = inputs;
    this.batchSize = fixedBatch(inputs);
  }

  static async start(model: Model): Promise<ModelRunner> {
    return new ModelRunner(await model.session(), model.inputs);
  }

  /** @param feeds `count` samples, by the name of the input */
  async run(feeds: Readonly<Record<string, Tensor>>, count: number): Promise<Record<string, Tensor>> {
    const fixed = this.batchSize;
    if (fixed === undefined || fixed === count) return this.#session.run(feeds);
    if (count > fixed) throw new RangeError(`a batch of ${count} exceeds the model's ${fixed}`);
    const filled = Object.fromEntries(
      this.#inputs.flatMap(({ name, shape }) => {
        const tensor = feeds[name];
        if (tensor === undefined) return [];
        return [[name, shape[0] === fixed && tensor.shape[0] === count ? filledUp(tensor, fixed) : tensor]];
      }),
    );
    const outputs = await this.#session.run(filled);
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
      `the model must have one input, it has ${model.inputs.length} (${names}); give a model with one`,
    );
  }
  return input;
}

/** The tensor with zeros behind its samples. */
function filledUp({ shape, data }: Tensor, samples: number): Tensor {
  const Values = data.constructor as typeof Float32Array;
  const filled = new Values((data.length / shape[0]!) * samples);
  filled.set(data);
  return { shape: [samples, ...shape.slice(1)], data: filled };
}

function firstSamples(tensor: Tensor, count: number): Tensor {
  const size = tensor.data.length / tensor.shape[0]!;
  return { shape: [count, ...tensor.shape.slice(1)], data: tensor.data.subarray(0, count * size) };
}
