/** Small models and data for the command's tests, written into a folder. */
import { ModelBuilder, randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import {
  CLASSES,
  modelWithTwoInputs,
  type SmallWidths,
  smallModel,
} from '../../../../packages/adapters-onnx/test/small-models.js';
import { idxBytes, npyBytes, write } from '../data/data-files.js';

/** Samples in every data file. */
export const SAMPLES = 30;

export { CLASSES, modelWithTwoInputs, type SmallWidths, smallModel };

/** A model that has a convolution only. */
export function modelWithoutLayers(): Uint8Array {
  const model = new ModelBuilder();
  model.input('image', [undefined, 1, 6, 6]);
  model.node('Conv', ['image', model.weight('conv.weight', [4, 1, 3, 3])], {}, ['maps']);
  model.output('maps', [undefined, 4, 4, 4]);
  return model.build();
}

/** Two products in a row, with a constant added between them: `first` (24 × 6) and `second` (5 × 24). */
export function productsInARow(): Uint8Array {
  const model = new ModelBuilder();
  const x = model.input('x', [undefined, 6]);
  const first = model.node('MatMul', [x, model.weight('first.weight', [6, 24])]);
  const added = model.node('Sub', [model.weight('beta', [24]), model.node('Dropout', [first])], {}, [
    'added',
  ]);
  model.node('MatMul', [added, model.weight('second.weight', [24, 5])], {}, ['y']);
  return model.output('y', [undefined, 5]).build();
}

/** Writes `small.onnx`, `images.idx` with `labels.idx`, and the same as `X.npy` with `Y.npy`, into a folder. */
export function writeSmallFiles(folder: string, widths?: SmallWidths): void {
  write(folder, 'small.onnx', smallModel(widths));
  const labels = Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  const pixels = Uint8Array.from(randomValues(SAMPLES * 36, 5), (value) => Math.floor(127.5 * (value + 1)));
  write(folder, 'images.idx', idxBytes([SAMPLES, 6, 6], pixels));
  write(folder, 'labels.idx', idxBytes([SAMPLES], labels));
  const values = Float32Array.from(pixels, (pixel) => pixel / 255);
  write(folder, 'X.npy', npyBytes('<f4', [SAMPLES, 1, 6, 6], values));
  write(folder, 'Y.npy', npyBytes('<i4', [SAMPLES], Int32Array.from(labels)));
}
