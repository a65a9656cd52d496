/** Matrix products by whatever backend TensorFlow.js runs on. */
import { type DenseMatrix, denseMatrix, InputError, type MatrixEngine } from '@spherize/core';

/**
 * An engine on a backend that is ready.
 *
 * @param backend its name; `cpu` is plain JavaScript
 */
export function engineOn(backend: string): MatrixEngine {
  const name = `tfjs-${backend}`;
  return {
    name,
    native: backend !== 'cpu',
    async multiply(a: DenseMatrix, b: DenseMatrix): Promise<DenseMatrix> {
      if (a.cols !== b.rows) {
        throw new InputError(
          'BAD_MATRIX',
          `${name}: cannot multiply [${a.rows}, ${a.cols}] by [${b.rows}, ${b.cols}]`,
        );
      }
      if (a.rows === 0 || a.cols === 0 || b.cols === 0) return denseMatrix(a.rows, b.cols);
      const tf = await import('@tensorflow/tfjs-core');
      const product = tf.tidy(() =>
        tf.matMul(tf.tensor2d(a.data, [a.rows, a.cols]), tf.tensor2d(b.data, [b.rows, b.cols])),
      );
      try {
        // The cpu backend hands out the array that it keeps.
        return denseMatrix(a.rows, b.cols, Float32Array.from(await product.data<'float32'>()));
      } finally {
        product.dispose();
      }
    },
  };
}
