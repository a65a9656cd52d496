/** Runs ONNX models with onnxruntime. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { InputError, type ModelSession, type Tensor } from '@spherize/core';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { fromFloat16, toFloat16 } from './half-floats.js';
import { writeWithExternalData } from './write-model.js';

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

export interface SessionChoice {
  /**
   * Whether products lay out their weights anew for speed: copies of all of them. Not worth it for a single run. Default yes.
   */
  readonly prepack?: boolean;
}

/** Models of more bytes than this reach the runtime as files: encoded in memory, their weights would be held three times. */
const LARGEST_IN_MEMORY = 2 ** 24;

/**
 * Starts onnxruntime on a model. The weights of a large one go through a folder for temporary files, from where the runtime
 * maps them; the folder is removed with the session.
 *
 * @param encoded the model's bytes, when they are at hand
 */
export async function startModelSession(
  model: ModelProto,
  encoded?: Uint8Array,
  choice: SessionChoice = {},
): Promise<ModelSession> {
  const { initializer = [] } = model.graph ?? {};
  const bytes = initializer.reduce((sum, { rawData }) => sum + rawData.length, 0);
  if (bytes <= LARGEST_IN_MEMORY) return startSession(encoded ?? toBinary(ModelProtoSchema, model), choice);
  const folder = await mkdtemp(join(tmpdir(), 'spherize-session-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'model.onnx');
    await writeWithExternalData(model, path, { durable: false });
    const session = await startSession(path, choice);
    return {
      run: session.run,
      release: async () => {
        await session.release();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Starts onnxruntime on an encoded model, or on the file of one. `run` ignores tensors that the model does not read, and gives every number
 * back as float32.
 *
 * @throws InputError `BAD_FILE` when onnxruntime refuses the model, also while it runs
 */
export async function startSession(
  source: Uint8Array | string,
  choice: SessionChoice = {},
): Promise<ModelSession> {
  const session = await create(source, choice);
  const types = new Map(
    session.inputMetadata.map((input) => [input.name, input.isTensor ? input.type : 'sequence']),
  );
  return {
    async run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
      const feeds: Record<string, OrtTensor> = {};
      for (const [name, tensor] of Object.entries(inputs)) {
        const type = types.get(name);
        if (type !== undefined) feeds[name] = toOrt(name, type, tensor);
      }
      for (const name of session.inputNames) {
        if (!(name in feeds)) throw new InputError('BAD_ARGUMENT', `the model's input ${name} is missing`);
      }
      const results = await session.run(feeds).catch((error: unknown) => {
        throw refusal(error);
      });
      return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(name, value)]));
    },
    release: () => session.release(),
  };
}

async function create(
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

function toOrt(name: string, type: string, { data, shape }: Tensor): OrtTensor {
  switch (type) {
    case 'float32':
      return new OrtTensor('float32', data, shape);
    case 'float16':
      return new OrtTensor('float16', Uint16Array.from(data, toFloat16), shape);
    case 'float64':
      return new OrtTensor('float64', Float64Array.from(data), shape);
    case 'int64':
      return new OrtTensor(
        'int64',
        BigInt64Array.from(data, (value) => BigInt(Math.trunc(value))),
        shape,
      );
    case 'int32':
      return new OrtTensor('int32', Int32Array.from(data), shape);
    case 'uint8':
      return new OrtTensor('uint8', Uint8Array.from(data), shape);
    default:
      throw new InputError('UNSUPPORTED', `the model's input ${name} takes ${type}, not floats`);
  }
}

function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const { data } = tensor;
  const shape = [...tensor.dims];
  if (data instanceof Float32Array) return { shape, data };
  if (tensor.type === 'float16')
    return { shape, data: Float32Array.from(data as Uint16Array, decode16(data)) };
  if (Array.isArray(data)) throw new InputError('UNSUPPORTED', `the model's output ${name} is text`);
  return { shape, data: Float32Array.from(data as ArrayLike<number | bigint>, Number) };
}

/** Newer runtimes hand out Float16Array, older ones the bit patterns. */
function decode16(data: unknown): (value: number) => number {
  return data instanceof Uint16Array ? fromFloat16 : (value) => value;
}
