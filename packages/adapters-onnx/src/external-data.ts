/** Tensors whose values lie in files beside the model. */
import { open, realpath, stat } from 'node:fs/promises';
import { freemem } from 'node:os';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { InputError } from '@spherize/core';
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

/** Bytes at a place in a file. */
export interface DataPart {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Initializers of this many bytes move out of the model; smaller ones stay. */
const LEAST_BYTES = 1024;
/** Values begin at multiples of this, so that runtimes can map them: the page size of most systems. */
const ALIGNMENT = 4096;
/** The most that is read by one call. */
const CHUNK = 2 ** 30;

/**
 * Reads all external values of a freshly decoded model into its tensors.
 *
 * Files must lie in the model's folder or below it, also after following links.
 *
 * @returns the files that hold them, and their size in bytes
 * @throws InputError `UNSUPPORTED` for a place outside the folder, `NOT_FOUND` or `BAD_FILE` for a file that is missing or short
 */
export async function readExternalData(
  model: ModelProto,
  source: string,
): Promise<{ bytes: number; files: string[] }> {
  const tensors = externalTensors(model);
  const regions: Region[] = [];
  for (const tensor of tensors) regions.push(await regionOf(tensor, source));
  // Tensors that name the same bytes share them.
  const distinct = new Map(regions.map((region) => [keyOf(region), region]));
  requireMemory(source, distinct.values());
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [key, region] of distinct) read.set(key, await readRegion(region));
  for (const [i, tensor] of tensors.entries()) {
    tensor.rawData = read.get(keyOf(regions[i]!))!;
    tensor.dataLocation = Location.DEFAULT;
    tensor.externalData = [];
  }
  const files = new Set(regions.map(({ path }) => path));
  let total = 0;
  for (const path of files) total += (await stat(path)).size;
  return { bytes: total, files: [...files] };
}

/** The files that hold the external values of a model, without reading them. */
export async function externalFiles(model: ModelProto, source: string): Promise<string[]> {
  const files = new Set<string>();
  for (const tensor of externalTensors(model)) files.add((await placeOf(tensor, source)).path);
  return [...files];
}

/** The model with the values of its large initializers moved to a file of this name, and what that file holds. */
export function withExternalData(model: ModelProto, name: string): { model: ModelProto; parts: DataPart[] } {
  const graph = model.graph!;
  const parts: DataPart[] = [];
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
): Promise<{ path: string; entries: ReadonlyMap<string, string>; what: string }> {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  const what = `${source}: the external data of ${tensor.name}`;
  if (/^[a-z][a-z\d+.-]*:/i.test(location)) {
    throw new InputError(
      'UNSUPPORTED',
      `${what} lies at '${location}': nothing is fetched, it must be a file below the model's folder`,
    );
  }
  if (location === '' || isAbsolute(location) || location.split(/[\\/]/).includes('..')) {
    throw new InputError(
      'UNSUPPORTED',
      `${what} lies at '${location}', not below the model's folder; move it there`,
    );
  }
  const folder = await realpath(dirname(source));
  const path = await realpath(join(folder, location)).catch((error: unknown) => {
    throw new InputError(
      'NOT_FOUND',
      `${what} is missing: there is no file ${location}; put it beside the model`,
      { cause: error },
    );
  });
  const inside = relative(folder, path);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new InputError(
      'UNSUPPORTED',
      `${what} lies at '${location}', which leads out of the model's folder; put the file itself there`,
    );
  }
  return { path, entries, what };
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

/** @throws InputError `UNSUPPORTED` with both numbers, before anything is allocated */
function requireMemory(source: string, regions: Iterable<Region>): void {
  let needed = 0;
  for (const { length } of regions) needed += length;
  const free = process.availableMemory?.() ?? freemem();
  if (needed <= free) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new InputError(
    'UNSUPPORTED',
    `${source}: its external data need ${gigabytes(needed)} of memory, ${gigabytes(free)} is free: use a machine with more`,
  );
}

async function regionOf(tensor: TensorProto, source: string): Promise<Region> {
  const { path, entries, what } = await placeOf(tensor, source);
  // Before it is opened: opening a pipe would wait for its writer.
  const found = await stat(path);
  if (!found.isFile())
    throw new InputError('BAD_FILE', `${what} lies at ${path}, which is no file; export the model again`);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? found.size - offset);
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new InputError(
      'BAD_FILE',
      `${what} has offset ${offset} and length ${length}, expected whole numbers of at least 0; export the model again`,
    );
  }
  if (offset + length > found.size) {
    throw new InputError(
      'BAD_FILE',
      `${what} ends at byte ${offset + length}, but ${path} has ${found.size} bytes; fetch that file again`,
    );
  }
  if (length >= 2 ** 32)
    throw new InputError('UNSUPPORTED', `${what} is ${length} bytes long, over 4 GiB; split the tensor`);
  return { path, offset, length, what };
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
