/** Which TensorFlow.js backend runs models in Node. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A faster backend than the chosen one, and why it does not run models. */
export interface PassedOverBackend {
  readonly backend: 'tensorflow' | 'wasm';
  /** `not installed`, or what loading or starting it ended with. */
  readonly reason: string;
}

interface Choice {
  readonly name: string;
  readonly passedOver: readonly PassedOverBackend[];
}

let started: Promise<Choice> | undefined;

/**
 * Makes the fastest backend ready that loads: `tensorflow` of `@tensorflow/tfjs-node` where that is installed, else `wasm`, else
 * `cpu`. The first call decides for the process.
 *
 * @returns the choice, such as `wasm (SIMD)`
 */
export async function startNodeBackend(): Promise<string> {
  started ??= start();
  return (await started).name;
}

/** The backends that come before the one of {@link startNodeBackend}, fastest first, each with its reason. */
export async function passedOverBackends(): Promise<readonly PassedOverBackend[]> {
  started ??= start();
  return (await started).passedOver;
}

/** TensorFlow.js greets on stderr when its plain backend holds a first tensor in Node, unless it is told that this is no development. */
export async function silenceGreeting(): Promise<void> {
  const { enableProdMode } = await import('@tensorflow/tfjs-core');
  enableProdMode();
}

async function start(): Promise<Choice> {
  await silenceGreeting();
  const passedOver: PassedOverBackend[] = [];
  for (const [backend, startBackend] of [
    ['tensorflow', startTensorFlow],
    ['wasm', startWasm],
  ] as const) {
    try {
      return { name: await startBackend(), passedOver };
    } catch (error) {
      passedOver.push({ backend, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { name: await startCpu(), passedOver };
}

async function startTensorFlow(): Promise<string> {
  let location: string;
  try {
    location = import.meta.resolve('@tensorflow/tfjs-node');
  } catch {
    throw new Error('not installed');
  }
  await import(location);
  return startRegistered('tensorflow');
}

async function startWasm(): Promise<string> {
  const tf = await import('@tensorflow/tfjs-core');
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const module = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(join(dirname(module), '/'));
  await startRegistered('wasm');
  const features = [
    ...((await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? ['SIMD'] : []),
    ...((await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT'))
      ? [`${wasm.getThreadsCount()} threads`]
      : []),
  ];
  return features.length > 0 ? `wasm (${features.join(', ')})` : 'wasm';
}

/** @throws Error why TensorFlow.js does not run on a backend that was loaded */
async function startRegistered(backend: string): Promise<string> {
  const tf = await import('@tensorflow/tfjs-core');
  const create = tf.findBackendFactory(backend);
  if (!create)
    throw new Error(`it does not register with the @tensorflow/tfjs-core ${tf.version_core} in use`);
  if (await tf.setBackend(backend)) return backend;
  // TensorFlow.js keeps the reason to itself: once more, for what it throws.
  await create();
  throw new Error(`its backend '${backend}' does not start`);
}

async function startCpu(): Promise<string> {
  const tf = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  return 'cpu';
}
