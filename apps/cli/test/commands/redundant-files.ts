/** Networks of which it is known how much can leave. */
import { ModelBuilder, randomValues } from '../../../../packages/adapters-onnx/test/build-model.js';
import { write } from '../data/data-files.js';

/**
 * Writes `redundant.onnx`, of whose 64 and 48 hidden neurons 16 and 24 differ, `tight.onnx`, whose 8 all do, and `full.onnx`, whose 96 and 64 all
 * do and which is large enough to be stored in fewer bits.
 */
export function writeRedundantFiles(folder: string): void {
  write(folder, 'redundant.onnx', perceptron([64, 16], [48, 24]));
  write(folder, 'tight.onnx', perceptron([8, 8], [8, 8]));
  write(folder, 'full.onnx', perceptron([96, 96], [64, 64]));
}

/** Three layers with Relu between them; of each hidden width so many neurons, made of so many different ones. */
function perceptron(...hidden: readonly (readonly [number, number])[]): Uint8Array {
  const b = new ModelBuilder();
  let tensor = b.input('x', [undefined, 32]);
  let inputs = 32;
  for (const [i, [width, different]] of hidden.entries()) {
    const rows = randomValues(different * inputs, i + 1);
    const weights = new Float32Array(inputs * width);
    for (let row = 0; row < inputs; row++)
      for (let c = 0; c < width; c++) weights[row * width + c] = rows[row * different + (c % different)]!;
    const made = b.node('MatMul', [tensor, b.weight(`fc${i + 1}.weight`, [inputs, width], weights)]);
    tensor = b.node('Relu', [made]);
    inputs = width;
  }
  b.node('MatMul', [tensor, b.weight('fc3.weight', [inputs, 10], randomValues(inputs * 10, 9))], {}, ['y']);
  return b.output('y', [undefined, 10]).build();
}
