/** What stands in a model.json besides the topology: the manifest of its weights. */
import { InputError } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import type { Artifacts } from '../artifacts/artifacts.js';
import { asArray, asObject, asText, isObject, type JsonObject } from '../artifacts/json.js';
import { byteLength, type WeightSpec } from '../artifacts/weights.js';
import { planShards, type ShardPlan, shardNames } from './shards.js';

export interface ManifestGroup {
  readonly paths: readonly string[];
  readonly specs: readonly WeightSpec[];
  /** Bytes that the specifications ask for; undefined when text is among them. */
  readonly bytes: number | undefined;
}

/** @throws InputError `BAD_FILE` when the text is no model.json */
export function parseModelJson(text: string, source: string): { json: JsonObject; groups: ManifestGroup[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InputError(
      'BAD_FILE',
      `${source} is not a TensorFlow.js model: it is no JSON; save or fetch it again`,
      { cause },
    );
  }
  if (!isObject(json) || json.modelTopology === undefined) {
    throw new InputError(
      'BAD_FILE',
      `${source} is not a TensorFlow.js model: it has no modelTopology; name the model.json of a model`,
    );
  }
  if (!isWithinDepth(json)) {
    throw new InputError(
      'BAD_FILE',
      `${source} is not a TensorFlow.js model: it is nested more than ${DEEPEST} deep; save it again`,
    );
  }
  const groups = asArray(json.weightsManifest ?? [], 'weightsManifest').map((value): ManifestGroup => {
    const group = asObject(value, 'a group of the weightsManifest');
    const specs = asArray(group.weights, 'weights of the manifest').map((entry) => specOf(entry));
    const sizes = specs.map(byteLength);
    return {
      paths: asArray(group.paths, 'paths of the manifest').map((path) =>
        asText(path, 'a path of the manifest'),
      ),
      specs,
      bytes: sizes.includes(undefined) ? undefined : (sizes as number[]).reduce((sum, size) => sum + size, 0),
    };
  });
  return { json, groups };
}

/** Lists and objects inside each other: what copies and writes them goes as deep. */
const DEEPEST = 500;

function isWithinDepth(json: unknown): boolean {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return false;
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return true;
}

function specOf(value: unknown): WeightSpec {
  const spec = asObject(value, 'a weight of the manifest');
  asText(spec.name, 'name of a weight');
  asText(spec.dtype, `dtype of ${spec.name}`);
  if (spec.quantization !== undefined) asObject(spec.quantization, `quantization of ${spec.name}`);
  return spec as unknown as WeightSpec;
}

/** @throws InputError `BAD_FILE` when the shards of a group have not as many bytes as its weights take */
export function requireWholeShards(
  { bytes }: ManifestGroup,
  shards: readonly { readonly size: number }[],
  source: string,
): void {
  const present = shards.reduce((sum, { size }) => sum + size, 0);
  if (bytes === undefined || present === bytes) return;
  throw new InputError(
    'BAD_FILE',
    `${source}: its weights take ${bytes} bytes, but its shards have ${present}: a shard is missing, cut short or of another model; fetch them again`,
  );
}

/** What a TensorFlow.js IO handler gives for these files. */
export function toArtifacts(
  json: JsonObject,
  groups: readonly ManifestGroup[],
  weightData: ArrayBuffer,
): io.ModelArtifacts {
  const { modelTopology, weightsManifest, ...metadata } = json;
  return {
    ...metadata,
    modelTopology: modelTopology as object,
    weightSpecs: groups.flatMap(({ specs }) => specs),
    weightData,
  };
}

/** A file of a model: its name, and its content in pieces. */
export interface ModelFile {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

/**
 * The files of a model: the shards, then the model.json that names them.
 *
 * @param name what to call the model.json
 * @param nameShards what to call the shards
 */
export function modelFiles(
  { topology, weights, metadata }: Artifacts,
  name: string,
  nameShards: (shards: ShardPlan['shards']) => readonly string[] = shardNames,
): ModelFile[] {
  const { specs, shards } = planShards(weights);
  const paths = nameShards(shards);
  const json = {
    modelTopology: topology,
    ...metadata,
    weightsManifest: [{ paths, weights: specs }],
  };
  return [
    ...shards.map((pieces, i) => ({ name: paths[i]!, pieces })),
    { name, pieces: [new TextEncoder().encode(JSON.stringify(json))] },
  ];
}
