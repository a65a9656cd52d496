// Child process: writes the vectors of one input to a file: n vectors of m values, float32, one after the other.
// Vectors that are all zero are left out, for everybody: they have no direction.
import { writeFile } from 'node:fs/promises';
import { onnxFormat } from '@spherize/adapters-onnx/node';
import { denseMatrix, Random, transpose } from '@spherize/core';
import { embeddedModelPath } from '../../apps/cli/dist/embedded/embedded-model.js';
import { answer, job } from './job.mjs';

/** Position of the layers among the embedded AlexNet's fully connected ones. */
const LAYERS = { fc6: 0, fc7: 1 };
const GAUSSIAN_SIZE = 4096;
const GAUSSIAN_SEED = 1;

const { input, size, path } = job();
const all =
  input === 'gaussian' ? gaussian(Math.min(size ?? GAUSSIAN_SIZE, GAUSSIAN_SIZE)) : await columns(input);
const vectors = withoutZeros(size === undefined ? all : corner(all, size));
await writeFile(path, vectors.data);
answer({ n: vectors.rows, m: vectors.cols });

function gaussian(length) {
  const random = new Random(GAUSSIAN_SEED);
  return denseMatrix(
    length,
    length,
    Float32Array.from({ length: length * length }, () => random.normal()),
  );
}

/** The columns of a layer's weights, as rows. */
async function columns(layer) {
  const { model } = await onnxFormat.read(await embeddedModelPath('alexnet-fashion'));
  return transpose(model.weights(model.layers[LAYERS[layer]].name));
}

/** The first `length` values of the first `length` vectors. */
function corner({ rows, cols, data }, length) {
  const result = denseMatrix(Math.min(rows, length), Math.min(cols, length));
  for (let j = 0; j < result.rows; j++) {
    result.data.set(data.subarray(j * cols, j * cols + result.cols), j * result.cols);
  }
  return result;
}

function withoutZeros({ rows, cols, data }) {
  let kept = 0;
  for (let j = 0; j < rows; j++) {
    const vector = data.subarray(j * cols, (j + 1) * cols);
    if (vector.some((value) => value !== 0)) data.copyWithin(kept++ * cols, j * cols, (j + 1) * cols);
  }
  return denseMatrix(kept, cols, data.subarray(0, kept * cols));
}
