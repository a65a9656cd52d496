/** ONNX models on WebGPU, in browsers that have it: for running alone, as its products round otherwise. */
import { InputError, type Model } from '@spherize/core';
import { type ComparedLatency, wholeLatency } from '@spherize/core/evaluation';
import { SEED } from './settings.js';

/** What TypeScript does not know of browsers yet. */
interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/** @returns both models' times on WebGPU; undefined without an adapter, and for a model that it does not run */
export async function webGpuLatency(original: Model, smaller: Model): Promise<ComparedLatency | undefined> {
  if (!(await hasWebGpu())) return undefined;
  const [{ onnxBytes, onnxModel }, { InferenceSession, Tensor }] = await Promise.all([
    import('@spherize/adapters-onnx'),
    import('onnxruntime-web/jspi'),
  ]);
  const create = (bytes: Uint8Array, options: object) =>
    InferenceSession.create(bytes, { ...options, executionProviders: ['webgpu'] });
  const runtime = { Tensor, InferenceSession: { create } as typeof InferenceSession };
  const there = (model: Model): Model => onnxModel(onnxBytes(model), { runtime });
  try {
    return await wholeLatency(there(original), there(smaller), SEED);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** An adapter, and the means by which onnxruntime waits for it. */
async function hasWebGpu(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: Gpu };
  return gpu !== undefined && 'Suspending' in WebAssembly && (await gpu.requestAdapter()) !== null;
}
