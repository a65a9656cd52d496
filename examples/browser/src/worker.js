/** The worker: reads a model, compresses it, and runs both versions on the same numbers. */
import { modelFromFiles, modelFromUrl, tfjsEngine, tfjsFiles } from '@spherize/adapters-tfjs';
import { compressModel, Random, spherical } from '@spherize/core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';

setWasmPaths({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});

self.addEventListener('message', async ({ data: { files, url, ratio } }) => {
  try {
    const model = files ? await modelFromFiles(files) : await modelFromUrl(url);
    const engine = await tfjsEngine();
    const smaller = await compressModel(model, { clusterer: spherical, engine, ratio });
    const inputs = randomInputs(model);
    self.postMessage({
      backend: engine.name,
      layers: smaller.layers.map(({ name, columns, clusters, fold }) => [
        name,
        columns,
        clusters,
        fold.reason,
      ]),
      runs: { inputs, before: await run(model, inputs), after: await run(smaller.model, inputs) },
      files: tfjsFiles(smaller.model),
    });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});

/** Two samples of numbers in [0, 1). */
function randomInputs(model) {
  const random = new Random(0);
  return model.inputs.map(({ name, shape }) => {
    const sizes = shape.map((size, axis) => size ?? (axis === 0 ? 2 : 1));
    const length = sizes.reduce((product, size) => product * size, 1);
    return { name, shape: sizes, data: Array.from({ length }, () => random.uniform()) };
  });
}

async function run(model, inputs) {
  const session = await model.session();
  const feeds = Object.fromEntries(
    inputs.map(({ name, shape, data }) => [name, { shape, data: Float32Array.from(data) }]),
  );
  await session.run(feeds);
  const started = performance.now();
  const outputs = await session.run(feeds);
  const milliseconds = performance.now() - started;
  await session.release();
  return { milliseconds, outputs: Object.values(outputs).map(({ data }) => [...data]) };
}
