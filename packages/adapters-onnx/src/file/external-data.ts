/** Tensors whose values lie in files beside the model. */
import { open } from 'node:fs/promises';
import { create } from '@bufbuild/protobuf';
import { InputError } from '@spherize/core';
import { type ContainedFile, containedFile, type FilePart, requireMemory } from '@spherize/files';
import {
  TensorProto_DataLocation as Location,
  type ModelProto,
  StringStringEntryProtoSchema,
  type TensorProto,
} from 'onnx-buf';
import {
  externalTensors,
  locationOf,
  nameOfValues,
  type Region,
  regionOf,
  takeValues,
} from '../proto/external-tensors.js';
import { copyMessage } from '../proto/onnx-protos.js';

/** Initializers of this many bytes move out of the model; smaller ones stay. */
const LEAST_BYTES = 1024;
/** Values begin at multiples of this, so that runtimes can map them: the page size of most systems. */
const ALIGNMENT = 4096;
/** The most that is read by one call. */
const CHUNK = 2 ** 30;

/**
 * Reads all external values of a freshly decoded model into its tensors.
 *
 * @returns the files that hold them, and their size in bytes
 * @throws InputError as `containedFile`; `BAD_FILE` for a file that is short, `UNSUPPORTED` for more than fits in memory
 */
export async function readExternalData(
  model: ModelProto,
  source: string,
): Promise<{ bytes: number; files: string[] }> {
  const tensors = externalTensors(model);
  const regions: FileRegion[] = [];
  const sizes = new Map<string, number>();
  for (const tensor of tensors) {
    const { path, size } = await fileOf(tensor, source);
    const what = nameOfValues(tensor, source);
    regions.push({ path, what, ...regionOf(tensor, size, path, what) });
    sizes.set(path, size);
  }
  // Tensors that name the same bytes share them.
  const distinct = new Map(regions.map((region) => [keyOf(region), region]));
  const needed = [...distinct.values()].reduce((sum, { length }) => sum + length, 0);
  requireMemory(`${source}: reading its external data`, needed, 'use a machine with more');
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [key, region] of distinct) read.set(key, await readRegion(region));
  for (const [i, tensor] of tensors.entries()) takeValues(tensor, read.get(keyOf(regions[i]!))!);
  return { bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0), files: [...sizes.keys()] };
}

/** The files that hold the external values of a model, without reading them. */
export async function externalFiles(model: ModelProto, source: string): Promise<string[]> {
  const files = new Set<string>();
  for (const tensor of externalTensors(model)) files.add((await fileOf(tensor, source)).path);
  return [...files];
}

/** The model with the values of its large initializers moved to a file of this name, and what that file holds. */
export function withExternalData(model: ModelProto, name: string): { model: ModelProto; parts: FilePart[] } {
  const graph = model.graph!;
  const parts: FilePart[] = [];
  let end = 0;
  const initializer = graph.initializer.map((tensor) => {
    const { rawData } = tensor;
    if (rawData.length < LEAST_BYTES) return tensor;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = offset + rawData.length;
    parts.push({ bytes: rawData, offset });
    const entries = { location: name, offset: String(offset), length: String(rawData.length) };
    return copyMessage(tensor, {
      rawData: new Uint8Array(0),
      dataLocation: Location.EXTERNAL,
      externalData: Object.entries(entries).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
    });
  });
  return { model: copyMessage(model, { graph: copyMessage(graph, { initializer }) }), parts };
}

/** The file in which the values of a tensor lie. */
function fileOf(tensor: TensorProto, source: string): Promise<ContainedFile> {
  return containedFile(source, locationOf(tensor), nameOfValues(tensor, source));
}

/** Bytes of a file that hold the values of a tensor. */
interface FileRegion extends Region {
  readonly path: string;
  /** The tensor, for messages. */
  readonly what: string;
}

function keyOf({ path, offset, length }: FileRegion): string {
  return `${offset} ${length} ${path}`;
}

async function readRegion({ path, offset, length, what }: FileRegion): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const wanted = Math.min(CHUNK, length - done);
      const { bytesRead } = await file.read(bytes, done, wanted, offset + done);
      if (bytesRead === 0) throw new InputError('BAD_FILE', `${what} ends too early; fetch it again`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
