import { generatedInputs } from '../calibration/generated-inputs.js';
import { settledInputs } from '../calibration/settled-inputs.js';
import { InputError } from '../errors.js';
import { labelRanks } from '../evaluation/accuracy.js';
import type { LabelledData } from '../evaluation/labelled-data.js';
import { meanError, spreadOf, squaredError } from '../evaluation/output-error.js';
import { type PairedHits, pairedHits } from '../evaluation/paired-drop.js';
import { isFloat } from '../format/element-type.js';
import type { Model, Tensor } from '../format/model-format.js';
import { scoresOutput } from '../format/scores-output.js';
import { type CutBatch, firstSample, labelledBatches, unlabelledBatches } from './cut-batches.js';
import type { Trials } from './trials.js';

/** Inputs that are made up where there are no data. */
export const GENERATED_PROBES = 500;

/** Samples that run at a time. */
const BATCH = 250;

/** What compressed models are compared on. */
export interface ProbeOptions {
  /** Default: 500 generated inputs, others than calibration with the same seed takes. */
  readonly data?: LabelledData | undefined;
  /** Of the generated inputs. Default 0. */
  readonly seed?: number | undefined;
  /** As for `generatedInputs`. */
  readonly mean?: readonly number[] | undefined;
  /** As for `generatedInputs`. */
  readonly std?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
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
  readonly #batches: readonly CutBatch[];
  readonly #expected: readonly Readonly<Record<string, Tensor>>[];
  /** Float outputs, and their `Σ‖y − ȳ‖²`. */
  readonly #spreads: ReadonlyMap<string, number>;
  /** The output that labels are compared with. */
  readonly #scores: string;
  /** Share of labelled samples that the original classifies correctly; null without labels. */
  readonly top1: number | null;
  readonly samples: number;

  private constructor(
    model: Model,
    batches: readonly CutBatch[],
    expected: readonly Readonly<Record<string, Tensor>>[],
    scores: string | undefined,
  ) {
    this.#batches = batches;
    this.#expected = expected;
    this.#scores = scoresOutput(model, scores).name;
    const names = model.outputs.filter(({ type }) => isFloat(type)).map(({ name }) => name);
    if (names.length === 0) {
      throw new InputError(
        'UNSUPPORTED',
        'no output of the model is a tensor of floats, on which an error can be measured: give the model with its scores as outputs',
      );
    }
    this.#spreads = new Map(names.map((name) => [name, spreadOf(expected.map((outputs) => outputs[name]!))]));
    this.samples = expected.reduce((sum, outputs) => sum + outputs[this.#scores]!.shape[0]!, 0);
    let hits = 0;
    let labelled = 0;
    for (const [i, { labels }] of batches.entries()) {
      if (!labels) continue;
      hits += labelRanks(expected[i]![this.#scores]!, labels, labelled).filter((rank) => rank === 0).length;
      labelled += labels.length;
    }
    this.top1 = labelled > 0 ? hits / labelled : null;
  }

  /**
   * Runs the tail of some trials as it came, on data or on generated inputs.
   *
   * @throws InputError `UNSUPPORTED` when no output holds floats, and as `generatedInputs` and `scoresOutput` do
   */
  static async record(trials: Trials, options: ProbeOptions = {}): Promise<OutputProbe> {
    const { head, tail, model } = trials;
    const { data, seed = 0, mean, std, signal } = options;
    const batches = data
      ? labelledBatches(head, tail, data, BATCH)
      : unlabelledBatches(
          head,
          tail,
          generatedInputs(await settledInputs(model), {
            samples: GENERATED_PROBES,
            seed: seed + 1,
            mean,
            std,
            batch: BATCH,
          }),
        );
    const kept: CutBatch[] = [];
    const expected: Readonly<Record<string, Tensor>>[] = [];
    const session = await tail.session();
    try {
      for await (const batch of batches) {
        signal?.throwIfAborted();
        kept.push(batch);
        expected.push(await session.run(batch.tensors));
      }
    } finally {
      await session.release();
    }
    return new OutputProbe(tail, kept, expected, data?.scores);
  }

  /** One sample of what was recorded; a whole batch where the model fixes its size. */
  sample(model: Model): Record<string, Tensor> {
    return firstSample(model, this.#batches[0]!);
  }

  /** @param model a compression of the recorded one */
  async compare(model: Model, signal?: AbortSignal): Promise<ProbeResult> {
    const errors = new Map<string, number>();
    let hits = { samples: 0, lost: 0, gained: 0 };
    const session = await model.session();
    try {
      for (const [i, { tensors, labels }] of this.#batches.entries()) {
        signal?.throwIfAborted();
        const outputs = await session.run(tensors);
        const expected = this.#expected[i]!;
        for (const name of this.#spreads.keys())
          errors.set(name, (errors.get(name) ?? 0) + squaredError(expected[name]!, outputs[name]!));
        if (!labels) continue;
        const before = labelRanks(expected[this.#scores]!, labels, hits.samples);
        const after = labelRanks(outputs[this.#scores]!, labels, hits.samples);
        const own = pairedHits(before, after);
        hits = {
          samples: hits.samples + own.samples,
          lost: hits.lost + own.lost,
          gained: hits.gained + own.gained,
        };
      }
    } finally {
      await session.release();
    }
    const outputError = meanError(errors, this.#spreads);
    return { outputError, hits: hits.samples > 0 ? hits : null };
  }
}
