/** What a page does with the entry for browsers, for the test beside it to call. */
import { onnxBytes } from '@spherize/adapters-onnx';
import { onnxModel } from '@spherize/adapters-onnx/web';
import { compressModel, portableEngine, type Tensor } from '@spherize/core';
import { env } from 'onnxruntime-web/wasm';

/** A model's bytes, and an input, as numbers: what a test and a page hand each other. */
export interface Given {
  readonly bytes: readonly number[];
  readonly input: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface Made {
  readonly isolated: boolean;
  /** The compressed model, and what it makes of the input. */
  readonly bytes: readonly number[];
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

export type Compress = (given: Given) => Promise<Made>;

// onnxruntime-web takes half of the processors at most, which may be one.
if (crossOriginIsolated) env.wasm.numThreads = 2;

/** By a recipe that takes no product of a runtime: what it makes depends on the model alone. Its proof runs both models in wasm. */
export const compress: Compress = async ({ bytes, input, shape, values }) => {
  const recipe = { ratio: 0.5, seed: 1, engine: portableEngine };
  const { model } = await compressModel(onnxModel(Uint8Array.from(bytes)), recipe);
  const session = await model.session();
  const tensor: Tensor = { shape, data: Float32Array.from(values) };
  const outputs = Object.entries(await session.run({ [input]: tensor }));
  await session.release();
  return {
    isolated: crossOriginIsolated,
    bytes: [...onnxBytes(model)],
    outputs: Object.fromEntries(outputs.map(([name, { data }]) => [name, [...data]])),
  };
};
