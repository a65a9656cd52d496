import { InputError, type Model, type PairedHits, type Tensor } from '@spherize/core';
import { labelRanks } from '../evaluation/accuracy.js';
import { firstOutput } from '../evaluation/model-runner.js';

/** Inputs of the part of a model that is compressed, with labels where there are any. */
export interface ProbeBatch {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly labels?: Int32Array | undefined;
}

/** How a compressed model's outputs differ from the original's. */
export interface ProbeResult {
  /** `Σ‖y − ŷ‖² / Σ‖y − ȳ‖²` over the samples, with y what the original gives and ȳ its mean: a mean over the float outputs. */
  readonly outputError: number;
  /** Top-1 hits beside the original's; null without labels. */
  readonly hits: PairedHits | null;
}

/** Runs compressed models on fixed inputs and compares their outputs with the original's. */
export class OutputProbe {
  readonly #batches: readonly ProbeBatch[];
  readonly #expected: readonly Readonly<Record<string, Tensor>>[];
  /** Float outputs, and their `Σ‖y − ȳ‖²`. */
  readonly #spreads: ReadonlyMap<string, number>;
  readonly #first: string;
  /** Share of labelled samples that the original classifies correctly; null without labels. */
  readonly top1: number | null;
  readonly samples: number;

  private constructor(
    model: Model,
    batches: readonly ProbeBatch[],
    expected: readonly Readonly<Record<string, Tensor>>[],
  ) {
    this.#batches = batches;
    this.#expected = expected;
    this.#first = firstOutput(model);
    const names = model.outputs.filter(({ integral }) => !integral).map(({ name }) => name);
    if (names.length === 0) {
      throw new InputError(
        'UNSUPPORTED',
        'all outputs of the model are whole numbers, on which no error can be measured: give the model with its scores as outputs',
      );
    }
    this.#spreads = new Map(names.map((name) => [name, spread(expected.map((outputs) => outputs[name]!))]));
    this.samples = expected.reduce((sum, outputs) => sum + outputs[this.#first]!.shape[0]!, 0);
    let hits = 0;
    let labelled = 0;
    for (const [i, { labels }] of batches.entries()) {
      if (!labels) continue;
      hits += labelRanks(expected[i]![this.#first]!, labels, labelled).filter((rank) => rank === 0).length;
      labelled += labels.length;
    }
    this.top1 = labelled > 0 ? hits / labelled : null;
  }

  /** @param model the part of the original that is compressed */
  static async record(
    model: Model,
    batches: AsyncIterable<ProbeBatch>,
    signal: AbortSignal,
  ): Promise<OutputProbe> {
    const kept: ProbeBatch[] = [];
    const expected: Readonly<Record<string, Tensor>>[] = [];
    const session = await model.session();
    try {
      for await (const batch of batches) {
        signal.throwIfAborted();
        kept.push(batch);
        expected.push(await session.run(batch.tensors));
      }
    } finally {
      await session.release();
    }
    return new OutputProbe(model, kept, expected);
  }

  /** One sample of what was recorded; a whole batch where the model fixes its size. */
  sample(model: Model): Record<string, Tensor> {
    const { tensors } = this.#batches[0]!;
    const free = model.inputs.every(({ shape }) => shape[0] === undefined);
    return Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, data }]) => {
        const [count = 1, ...rest] = shape;
        const one = { shape: [1, ...rest], data: data.subarray(0, data.length / count) };
        return [name, free ? one : { shape, data }];
      }),
    );
  }

  /** @param model a compression of the recorded one */
  async compare(model: Model, signal: AbortSignal): Promise<ProbeResult> {
    const errors = new Map<string, number>();
    let hits = { samples: 0, lost: 0, gained: 0 };
    const session = await model.session();
    try {
      for (const [i, { tensors, labels }] of this.#batches.entries()) {
        signal.throwIfAborted();
        const outputs = await session.run(tensors);
        const expected = this.#expected[i]!;
        for (const name of this.#spreads.keys())
          errors.set(name, (errors.get(name) ?? 0) + squaredError(expected[name]!, outputs[name]!));
        if (!labels) continue;
        const before = labelRanks(expected[this.#first]!, labels, hits.samples);
        const after = labelRanks(outputs[this.#first]!, labels, hits.samples);
        hits = {
          samples: hits.samples + labels.length,
          lost: hits.lost + before.filter((rank, s) => rank === 0 && after[s]! > 0).length,
          gained: hits.gained + before.filter((rank, s) => rank > 0 && after[s] === 0).length,
        };
      }
    } finally {
      await session.release();
    }
    let outputError = 0;
    for (const [name, sum] of this.#spreads)
      outputError += sum > 0 ? errors.get(name)! / sum / this.#spreads.size : 0;
    // JSON has no infinity.
    if (!Number.isFinite(outputError)) outputError = Number.MAX_VALUE;
    return { outputError, hits: hits.samples > 0 ? hits : null };
  }
}

function squaredError(expected: Tensor, actual: Tensor): number {
  let sum = 0;
  for (let p = 0; p < expected.data.length; p++) sum += (expected.data[p]! - actual.data[p]!) ** 2;
  return sum;
}

/** `Σ‖y − ȳ‖²`, with a mean for every value of a sample. */
function spread(tensors: readonly Tensor[]): number {
  const size = (tensors[0]?.data.length ?? 0) / (tensors[0]?.shape[0] ?? 1);
  const sums = new Float64Array(size);
  let squares = 0;
  let rows = 0;
  for (const { shape, data } of tensors) {
    rows += shape[0]!;
    for (let p = 0; p < data.length; p++) {
      sums[p % size] = sums[p % size]! + data[p]!;
      squares += data[p]! ** 2;
    }
  }
  return squares - sums.reduce((total, sum) => total + (sum * sum) / rows, 0);
}
