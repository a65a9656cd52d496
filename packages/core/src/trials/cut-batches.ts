/** Inputs as they reach a cut through a model: the part before it runs once. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { consecutive, type LabelledData } from '../evaluation/labelled-data.js';
import { ModelRunner } from '../evaluation/model-runner.js';
import type { Model, Tensor } from '../format/model-format.js';

/** Inputs of the part of a model that is compressed, with labels where there are any. */
export interface CutBatch {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly labels?: Int32Array | undefined;
}

/** Unlabelled inputs at the cut before a tail. */
export async function* unlabelledBatches(
  head: Model | undefined,
  tail: Model,
  inputs: CalibrationInputs,
): AsyncGenerator<CutBatch> {
  const session = await head?.session();
  try {
    for await (const batch of inputs.batches())
      yield { tensors: atCut(tail, batch, await session?.run(batch)) };
  } finally {
    await session?.release();
  }
}

/** Labelled samples at the cut before a tail; a batch size that the model fixes wins. */
export async function* labelledBatches(
  head: Model | undefined,
  tail: Model,
  data: LabelledData,
  batch: number,
): AsyncGenerator<CutBatch & { readonly labels: Int32Array }> {
  const runner = head && (await ModelRunner.start(head));
  const size = runner?.batchSize ?? tail.inputs[0]?.shape[0] ?? batch;
  try {
    for (let start = 0; start < data.samples; start += size) {
      const count = Math.min(size, data.samples - start);
      const { inputs, labels } = await data.batch(consecutive(start, count));
      yield { tensors: atCut(tail, inputs, await runner?.run(inputs, count)), labels };
    }
  } finally {
    await runner?.release();
  }
}

/** What a tail reads, of the model's own inputs and of what its head computes. */
function atCut(
  tail: Model,
  fed: Readonly<Record<string, Tensor>>,
  computed: Readonly<Record<string, Tensor>> | undefined,
): Record<string, Tensor> {
  const both = { ...fed, ...computed };
  return Object.fromEntries(tail.inputs.flatMap(({ name }) => (both[name] ? [[name, both[name]]] : [])));
}

/** The tensors of a batch's first sample, or of the whole batch where the model that takes them fixes its size. */
export function firstSample(model: Model, { tensors }: CutBatch): Record<string, Tensor> {
  if (model.inputs.some(({ shape }) => shape[0] !== undefined)) return { ...tensors };
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => {
      const [count = 1, ...rest] = shape;
      return [name, { shape: [1, ...rest], data: data.slice(0, data.length / count) }];
    }),
  );
}
