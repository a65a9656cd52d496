/** The entries that run models, for tests of both. */
import { env } from 'onnxruntime-web/wasm';
import * as node from '../src/node.js';
import * as web from '../src/web.js';

// The threads of onnxruntime-web are those of browsers.
env.wasm.numThreads = 1;

export interface Runtime {
  readonly runtime: string;
  readonly onnxModel: typeof web.onnxModel;
  readonly onnxRuntimeEngine: typeof web.onnxRuntimeEngine;
}

function runtimeOf(runtime: string, { onnxModel, onnxRuntimeEngine }: Omit<Runtime, 'runtime'>): Runtime {
  return { runtime, onnxModel, onnxRuntimeEngine };
}

export const RUNTIMES: readonly Runtime[] = [runtimeOf('native', node), runtimeOf('wasm', web)];
