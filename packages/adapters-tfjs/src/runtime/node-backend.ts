/** Which TensorFlow.js backend runs models in Node. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

let started: Promise<string> | undefined;

/**
 * Makes the fastest backend ready that loads: `tensorflow` of `@tensorflow/tfjs-node` where that is installed, else `wasm`, else
 * `cpu`. The first call decides for the process.
 *
 * @returns the choice, such as `wasm (SIMD)`
 */
export function startNodeBackend(): Promise<string> {
  started ??= start();
  return started;
}

/** TensorFlow.js greets on stderr when its plain backend holds a first tensor in Node, unless it is told that this is no development. */
export async function silenceGreeting(): Promise<void> {
  const { enableProdMode } = await import('@tensorflow/tfjs-core');
  enableProdMode();
}

async function start(): Promise<string> {
  await silenceGreeting();
  return (await startTensorFlow()) ?? (await startWasm()) ?? startCpu();
}

async function startTensorFlow(): Promise<string | undefined> {
  const tf = await import('@tensorflow/tfjs-core');
  try {
    await import(import.meta.resolve('@tensorflow/tfjs-node'));
    return (await tf.setBackend('tensorflow')) ? 'tensorflow' : undefined;
  } catch {
    // Not installed, or installed without its library.
    return undefined;
  }
}

async function startWasm(): Promise<string | undefined> {
  const tf = await import('@tensorflow/tfjs-core');
  try {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    const module = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(join(dirname(module), '/'));
    if (!(await tf.setBackend('wasm'))) return undefined;
    const features = [
      ...((await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? ['SIMD'] : []),
      ...((await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT'))
        ? [`${wasm.getThreadsCount()} threads`]
        : []),
    ];
    return features.length > 0 ? `wasm (${features.join(', ')})` : 'wasm';
  } catch {
    return undefined;
  }
}

async function startCpu(): Promise<string> {
  const tf = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  return 'cpu';
}
