/** Small models and data for the command's tests, written into a folder. */
import { ModelBuilder, randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { idxBytes, npyBytes, write } from '../data/data-files.js';

/** Samples in every data file. */
export const SAMPLES = 30;
/** Classes of the small model. */
export const CLASSES = 6;

/**
 * conv (4 filters of 3×3, padded) → ReLU → flatten → fc1 (24 × 144) → ReLU → fc2 (16 × 24) → ReLU → fc3 (6 × 16),
 * on images of 6×6.
 */
export function smallModel(): Uint8Array {
  const model = new ModelBuilder();
  model.input('image', [undefined, 1, 6, 6]);
  const filters = [model.weight('conv.weight', [4, 1, 3, 3]), model.weight('conv.bias', [4])];
  const maps = model.node('Conv', ['image', ...filters], { pads: [1, 1, 1, 1] });
  const flat = model.node('Flatten', [model.node('Relu', [maps])], { axis: 1 });
  const first = fullyConnected(model, 'fc1', flat, 24, 144);
  const second = fullyConnected(model, 'fc2', model.node('Relu', [first]), 16, 24);
  fullyConnected(model, 'fc3', model.node('Relu', [second]), CLASSES, 16, 'scores');
  model.output('scores', [undefined, CLASSES]);
  return model.build();
}

/** A model that has a convolution only. */
export function modelWithoutLayers(): Uint8Array {
  const model = new ModelBuilder();
  model.input('image', [undefined, 1, 6, 6]);
  model.node('Conv', ['image', model.weight('conv.weight', [4, 1, 3, 3])], {}, ['maps']);
  model.output('maps', [undefined, 4, 4, 4]);
  return model.build();
}

/** A fully connected layer on the sum of two inputs. */
export function modelWithTwoInputs(): Uint8Array {
  const model = new ModelBuilder();
  model.input('left', [undefined, 36]);
  model.input('right', [undefined, 36]);
  fullyConnected(model, 'fc', model.node('Add', ['left', 'right']), CLASSES, 36, 'scores');
  model.output('scores', [undefined, CLASSES]);
  return model.build();
}

function fullyConnected(
  model: ModelBuilder,
  name: string,
  input: string,
  outputs: number,
  inputs: number,
  output = `${name}.out`,
): string {
  const weights = model.weight(`${name}.weight`, [outputs, inputs]);
  const bias = model.weight(`${name}.bias`, [outputs]);
  return model.node('Gemm', [input, weights, bias], { transB: 1 }, [output], `${name}.node`);
}

/** Writes `small.onnx`, `images.idx` with `labels.idx`, and the same as `X.npy` with `Y.npy`, into a folder. */
export function writeSmallFiles(folder: string): void {
  write(folder, 'small.onnx', smallModel());
  const labels = Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  const pixels = Uint8Array.from(randomValues(SAMPLES * 36, 5), (value) => Math.floor(127.5 * (value + 1)));
  write(folder, 'images.idx', idxBytes([SAMPLES, 6, 6], pixels));
  write(folder, 'labels.idx', idxBytes([SAMPLES], labels));
  const values = Float32Array.from(pixels, (pixel) => pixel / 255);
  write(folder, 'X.npy', npyBytes('<f4', [SAMPLES, 1, 6, 6], values));
  write(folder, 'Y.npy', npyBytes('<i4', [SAMPLES], Int32Array.from(labels)));
}
