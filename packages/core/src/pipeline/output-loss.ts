import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { meanError, spreadOf, squaredError } from '../evaluation/output-error.js';
import { isFloat } from '../format/element-type.js';
import type { Model, Tensor } from '../format/model-format.js';

type Tensors = Readonly<Record<string, Tensor>>;

/** How far compressed models are from one original, which runs on the same inputs once: see `OutputFidelity.outputError`. */
export class OutputLoss {
  readonly #batches: readonly { readonly feeds: Tensors; readonly expected: Tensors }[];
  readonly #spreads: ReadonlyMap<string, number>;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    names: readonly string[],
    batches: readonly { readonly feeds: Tensors; readonly expected: Tensors }[],
    signal: AbortSignal | undefined,
  ) {
    this.#batches = batches;
    this.#signal = signal;
    this.#spreads = new Map(
      names.map((name) => [name, spreadOf(batches.map(({ expected }) => expected[name]!))]),
    );
  }

  /** Memory: the inputs and the original's outputs are kept. Where it does not run on them, nothing is lost by any model. */
  static async record(original: Model, inputs: CalibrationInputs, signal?: AbortSignal): Promise<OutputLoss> {
    const names = original.outputs.filter(({ type }) => isFloat(type)).map(({ name }) => name);
    const batches: { feeds: Tensors; expected: Tensors }[] = [];
    const session = await original.session();
    try {
      for await (const feeds of inputs.batches(signal)) {
        signal?.throwIfAborted();
        const expected = await session.run(feeds).catch(() => undefined);
        if (expected === undefined) return new OutputLoss([], [], signal);
        batches.push({ feeds, expected });
      }
    } finally {
      await session.release();
    }
    return new OutputLoss(names, batches, signal);
  }

  async of(compressed: Model): Promise<number> {
    const errors = new Map([...this.#spreads.keys()].map((name) => [name, 0]));
    if (errors.size === 0) return 0;
    const session = await compressed.session();
    try {
      for (const { feeds, expected } of this.#batches) {
        this.#signal?.throwIfAborted();
        const actual = await session.run(feeds);
        for (const [name, error] of errors)
          errors.set(name, error + squaredError(expected[name]!, actual[name]));
      }
    } finally {
      await session.release();
    }
    return meanError(errors, this.#spreads);
  }
}
