/** What layers read, as rows of features: each row is one position of one sample. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import { float32Values } from '../format/element-type.js';
import type { Model, Tensor } from '../format/model-format.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { Random } from '../random.js';

/** A tensor, and the axis of its features, counted from the end. */
export interface ReadTensor {
  readonly tensor: string;
  readonly axis: number;
}

/**
 * Runs models on the same inputs and takes the same positions of what they compute.
 *
 * @param most rows to take of each tensor; they are spread over all inputs and positions
 * @returns by model and tensor, shape `[rows, features]`
 */
export async function featureRows(
  models: readonly Model[],
  reads: readonly ReadTensor[],
  inputs: CalibrationInputs,
  most: number,
  { seed = 0, signal }: { seed?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<DenseMatrix[][]> {
  const tensors = [...new Set(reads.map(({ tensor }) => tensor))];
  const sessions = [];
  try {
    for (const model of models) {
      const given = tensors.filter((name) => !model.inputs.some((input) => input.name === name));
      sessions.push(given.length === 0 ? undefined : await model.features!.observe(given).session());
    }
    const taken: Float32Array[][][] = models.map(() => reads.map(() => []));
    const widths = models.map(() => reads.map(() => 0));
    let batch = 0;
    let seen = 0;
    for await (const feeds of inputs.batches(signal)) {
      signal?.throwIfAborted();
      const samples = Object.values(feeds)[0]?.shape[0] ?? 1;
      seen += samples;
      const wanted = Math.ceil((most * samples) / inputs.samples);
      for (const [m, session] of sessions.entries()) {
        const outputs = { ...feeds, ...(session && (await session.run(feeds))) };
        for (const [r, { tensor, axis }] of reads.entries()) {
          const found = outputs[tensor];
          if (!found) throw new RangeError(`nothing computes ${tensor}`);
          // The same positions for every model: their tensors differ in the number of features alone.
          const { rows, width } = pickRows(found, axis, wanted, new Random(seed + 31 * batch + r));
          taken[m]![r]!.push(rows);
          widths[m]![r] = width;
        }
      }
      batch++;
      if (seen >= inputs.samples) break;
    }
    return taken.map((byTensor, m) => byTensor.map((rows, r) => stack(rows, widths[m]![r]!)));
  } finally {
    for (const session of sessions) await session?.release();
  }
}

function pickRows(
  tensor: Tensor,
  axis: number,
  wanted: number,
  random: Random,
): { rows: Float32Array; width: number } {
  const at = tensor.shape.length + axis;
  const width = tensor.shape[at]!;
  const inner = tensor.shape.slice(at + 1).reduce((product, size) => product * size, 1);
  const positions = tensor.data.length / width;
  const values = float32Values(tensor);
  const count = Math.min(wanted, positions);
  const rows = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    // One of each stretch of positions.
    const position = count === positions ? i : Math.floor(((i + random.uniform()) * positions) / count);
    const from = Math.floor(position / inner) * width * inner + (position % inner);
    for (let f = 0; f < width; f++) rows[i * width + f] = values[from + f * inner]!;
  }
  return { rows, width };
}

function stack(batches: readonly Float32Array[], width: number): DenseMatrix {
  const data = new Float32Array(batches.reduce((sum, rows) => sum + rows.length, 0));
  let at = 0;
  for (const rows of batches) {
    data.set(rows, at);
    at += rows.length;
  }
  return denseMatrix(width === 0 ? 0 : data.length / width, width, data);
}
