/** Runs ONNX models with onnxruntime. */
import { InputError, type ModelSession, Pause, type Tensor } from '@spherize/core';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import type { SessionChoice } from '../host.js';
import type { OnnxRuntime } from './onnx-runtime.js';
import { fromOrt, holdsNumbers, toOrt } from './ort-tensors.js';

/**
 * What every session is started with.
 *
 * - Idle threads go to sleep at the end of a run: by default they spin for another tens of milliseconds, and two sessions
 *   that take turns would slow each other down.
 * - Where a product with weights behind DequantizeLinear is fused, it computes in float32: by default it rounds the
 *   activations to 8 bits, and the same model with its weights as floats would differ by 10⁻³.
 */
const SESSION_OPTIONS = {
  logSeverityLevel: 4,
  extra: { session: { force_spinning_stop: '1', qdq_matmulnbits_accuracy_level: '1' } },
} as const satisfies InferenceSession.SessionOptions;
const WITHOUT_PREPACKING = {
  ...SESSION_OPTIONS,
  extra: { session: { ...SESSION_OPTIONS.extra.session, disable_prepacking: '1' } },
};

/**
 * Starts onnxruntime on an encoded model, or in Node on the file of one. `run` ignores tensors that the model does not read, and leaves out
 * outputs that are no tensors of numbers.
 *
 * @throws InputError `BAD_FILE` when onnxruntime refuses the model, also while it runs
 */
export async function startSession(
  runtime: OnnxRuntime,
  source: Uint8Array | string,
  choice: SessionChoice = {},
): Promise<ModelSession> {
  const session = await create(runtime, source, choice);
  const types = new Map(
    session.inputMetadata.map((input) => [input.name, input.isTensor ? input.type : 'sequence']),
  );
  const fetched = session.outputMetadata.filter((output) => output.isTensor && holdsNumbers(output.type));
  const fetches = fetched.map(({ name }) => name);
  // In wasm a run never waits for anything: without a pause, a loop of them would keep timers and signals out.
  const pause = new Pause(undefined);
  return {
    async run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
      await pause.point();
      if (fetches.length === 0) throw noNumbers(session.outputNames);
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, tensor] of Object.entries(inputs)) {
        const type = types.get(name);
        if (type !== undefined) feeds[name] = toOrt(runtime, name, type, tensor);
      }
      for (const name of session.inputNames) {
        if (!(name in feeds)) throw new InputError('BAD_ARGUMENT', `the model's input ${name} is missing`);
      }
      const results = await session.run(feeds, fetches).catch((error: unknown) => {
        throw refusal(error);
      });
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value)]));
    },
    release: () => session.release(),
  };
}

async function create(
  { InferenceSession }: OnnxRuntime,
  source: Uint8Array | string,
  { prepack = true }: SessionChoice,
): Promise<InferenceSession> {
  const options = prepack ? SESSION_OPTIONS : WITHOUT_PREPACKING;
  try {
    // One call per form: the two are different overloads.
    return typeof source === 'string'
      ? await InferenceSession.create(source, options)
      : await InferenceSession.create(source, options);
  } catch (error) {
    throw refusal(error);
  }
}

function noNumbers(outputs: readonly string[]): InputError {
  return new InputError(
    'UNSUPPORTED',
    `no output of the model is a tensor of numbers: ${outputs.join(', ')}; export it with its scores as a tensor (for scikit-learn: zipmap=False)`,
  );
}

function refusal(cause: unknown): InputError {
  const message = (cause instanceof Error ? cause.message : String(cause))
    .split('\n', 1)[0]!
    // Where in its own source it gave up.
    .replace(/\S*onnxruntime_src\S+ .*?\) (?=[A-Z])/, '');
  return new InputError(
    'BAD_FILE',
    `onnxruntime cannot run the model: ${message}; check it with onnx.checker, or export it again`,
    { cause },
  );
}
