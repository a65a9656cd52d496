/** A model in memory: its topology, its weights, and all that a model.json says besides. */
import { InputError } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { badModel } from './bad-model.js';
import { asObject, type JsonObject } from './json.js';
import { cutWeights, type Weight, type WeightSpec, type Weights } from './weights.js';

export interface Artifacts {
  readonly topology: JsonObject;
  readonly weights: Weights;
  /** format, generatedBy, convertedBy, signature, userDefinedMetadata, trainingConfig, …: kept as they are. */
  readonly metadata: Omit<
    io.ModelArtifacts,
    'modelTopology' | 'weightSpecs' | 'weightData' | 'getWeightStream'
  >;
}

/**
 * From what a TensorFlow.js IO handler loads.
 *
 * @throws InputError `BAD_FILE` when it is no model, or its weights do not fit their specifications
 */
export async function fromModelArtifacts(loaded: io.ModelArtifacts): Promise<Artifacts> {
  const { modelTopology, weightSpecs = [], weightData, getWeightStream, ...metadata } = loaded;
  if (modelTopology instanceof ArrayBuffer) {
    throw new InputError(
      'UNSUPPORTED',
      'the topology is a binary GraphDef, expected JSON: convert the model with a current tensorflowjs_converter',
    );
  }
  const topology = asObject(modelTopology, 'modelTopology');
  const bytes = joined(weightData ?? []);
  const weights = new Map<string, Weight>();
  for (const weight of await decoded(cutWeights(weightSpecs, bytes))) {
    const { name } = weight.spec;
    if (weights.has(name)) throw badModel(`two weights are called '${name}'`);
    weights.set(name, weight);
  }
  return { topology, weights, metadata };
}

/** To what TensorFlow.js loads from memory. */
export function toModelArtifacts({ topology, weights, metadata }: Artifacts): io.ModelArtifacts {
  const specs: WeightSpec[] = [];
  const buffers: ArrayBuffer[] = [];
  for (const { spec, bytes } of weights.values()) {
    specs.push(spec);
    const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
    // TensorFlow.js reads a buffer without bytes as the end of them all.
    if (bytes.byteLength > 0) buffers.push((whole ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer);
  }
  return { ...metadata, modelTopology: structuredClone(topology), weightSpecs: specs, weightData: buffers };
}

function joined(data: io.WeightData): Uint8Array {
  const parts = Array.isArray(data) ? data : [data];
  if (parts.length === 1) return new Uint8Array(parts[0]!);
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole;
}

/** Quantised float weights get their values, as TensorFlow.js computes them. */
async function decoded(weights: readonly Weight[]): Promise<readonly Weight[]> {
  const quantised = ({ spec }: Weight) => spec.quantization !== undefined && spec.dtype === 'float32';
  if (!weights.some(quantised)) return weights;
  const tf = await import('@tensorflow/tfjs-core');
  if (tf.engine().backendNames().length === 0) await import('@tensorflow/tfjs-backend-cpu');
  await tf.ready();
  return weights.map((weight) => {
    if (!quantised(weight)) return weight;
    const { spec, bytes } = weight;
    try {
      const tensor = tf.io.decodeWeights(bytes.slice().buffer as ArrayBuffer, [spec])[spec.name]!;
      const values = tensor.dataSync<'float32'>().slice();
      tensor.dispose();
      return { ...weight, decoded: values };
    } catch (error) {
      throw badModel(`${error instanceof Error ? error.message : error}`, error);
    }
  });
}
