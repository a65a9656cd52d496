/** Tensors whose values lie in files beside the model. */
import { open } from 'node:fs/promises';
import { create } from '@bufbuild/protobuf';
import { InputError } from '@spherize/core';
import { type ContainedFile, containedFile, type FilePart, requireMemory } from '@spherize/files';
import {
  type GraphProto,
  TensorProto_DataLocation as Location,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  StringStringEntryProtoSchema,
  type TensorProto,
} from 'onnx-buf';
import { copyMessage } from './onnx-protos.js';

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
  const regions: Region[] = [];
  const sizes = new Map<string, number>();
  for (const tensor of tensors) {
    const { region, size } = await regionOf(tensor, source);
    regions.push(region);
    sizes.set(region.path, size);
  }
  // Tensors that name the same bytes share them.
  const distinct = new Map(regions.map((region) => [keyOf(region), region]));
  const needed = [...distinct.values()].reduce((sum, { length }) => sum + length, 0);
  requireMemory(`${source}: reading its external data`, needed, 'use a machine with more');
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [key, region] of distinct) read.set(key, await readRegion(region));
  for (const [i, tensor] of tensors.entries()) {
    tensor.rawData = read.get(keyOf(regions[i]!))!;
    tensor.dataLocation = Location.DEFAULT;
    tensor.externalData = [];
  }
  return { bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0), files: [...sizes.keys()] };
}

/** The files that hold the external values of a model, without reading them. */
export async function externalFiles(model: ModelProto, source: string): Promise<string[]> {
  const files = new Set<string>();
  for (const tensor of externalTensors(model)) files.add((await placeOf(tensor, source)).file.path);
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

function externalTensors(model: ModelProto): TensorProto[] {
  return tensorsOf(model).filter(({ dataLocation }) => dataLocation === Location.EXTERNAL);
}

/** Every tensor of a model, wherever it is: none may be left for the runtime to look up. */
function tensorsOf({ graph, functions, trainingInfo }: ModelProto): TensorProto[] {
  return [
    ...tensorsOfGraph(graph),
    ...functions.flatMap(({ node }) => tensorsOfNodes(node)),
    ...trainingInfo.flatMap(({ initialization, algorithm }) => [
      ...tensorsOfGraph(initialization),
      ...tensorsOfGraph(algorithm),
    ]),
  ];
}

function tensorsOfGraph(graph: GraphProto | undefined): TensorProto[] {
  if (graph === undefined) return [];
  return [
    ...graph.initializer,
    ...graph.sparseInitializer.flatMap(tensorsOfSparse),
    ...tensorsOfNodes(graph.node),
  ];
}

function tensorsOfNodes(nodes: readonly NodeProto[]): TensorProto[] {
  return nodes.flatMap(({ attribute }) =>
    attribute.flatMap(({ t, tensors, g, graphs, sparseTensor, sparseTensors }) => [
      ...(t ? [t] : []),
      ...tensors,
      ...tensorsOfGraph(g),
      ...graphs.flatMap(tensorsOfGraph),
      ...(sparseTensor ? [sparseTensor, ...sparseTensors] : sparseTensors).flatMap(tensorsOfSparse),
    ]),
  );
}

function tensorsOfSparse({ values, indices }: SparseTensorProto): TensorProto[] {
  return [values, indices].filter((tensor) => tensor !== undefined);
}

/** Where the values of a tensor lie. */
async function placeOf(
  tensor: TensorProto,
  source: string,
): Promise<{ file: ContainedFile; entries: ReadonlyMap<string, string>; what: string }> {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const what = `${source}: the external data of ${tensor.name}`;
  return { file: await containedFile(source, entries.get('location') ?? '', what), entries, what };
}

/** Bytes of a file that hold the values of a tensor. */
interface Region {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  /** The tensor, for messages. */
  readonly what: string;
}

function keyOf({ path, offset, length }: Region): string {
  return `${offset} ${length} ${path}`;
}

async function regionOf(tensor: TensorProto, source: string): Promise<{ region: Region; size: number }> {
  const { file, entries, what } = await placeOf(tensor, source);
  const { path, size } = file;
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? size - offset);
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new InputError(
      'BAD_FILE',
      `${what} has offset ${offset} and length ${length}, expected whole numbers of at least 0; export the model again`,
    );
  }
  if (offset + length > size) {
    throw new InputError(
      'BAD_FILE',
      `${what} ends at byte ${offset + length}, but ${path} has ${size} bytes; fetch that file again`,
    );
  }
  if (length >= 2 ** 32)
    throw new InputError('UNSUPPORTED', `${what} is ${length} bytes long, over 4 GiB; split the tensor`);
  return { region: { path, offset, length, what }, size };
}

async function readRegion({ path, offset, length, what }: Region): Promise<Uint8Array<ArrayBuffer>> {
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
