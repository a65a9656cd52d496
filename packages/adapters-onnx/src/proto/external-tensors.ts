/** Tensors whose values lie outside of the model's message: which they are, and where their values are. */
import { InputError } from '@spherize/core';
import {
  type GraphProto,
  TensorProto_DataLocation as Location,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from 'onnx-buf';

/** Every tensor of a model whose values lie elsewhere, wherever it is: none may be left for the runtime to look up. */
export function externalTensors(model: ModelProto): TensorProto[] {
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

/** What to call the values of a tensor in messages. */
export function nameOfValues({ name }: TensorProto, source: string): string {
  return `${source}: the external data of ${name}`;
}

/** The path, from the model's folder, of the file that holds the values of an external tensor. */
export function locationOf({ externalData }: TensorProto): string {
  return externalData.find(({ key }) => key === 'location')?.value ?? '';
}

/** Bytes that hold the values of a tensor. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/**
 * Where in its file the values of an external tensor lie.
 *
 * @param size the file's bytes
 * @param file what to call the file
 * @param what what to call the values
 * @throws InputError `BAD_FILE` for a region that is no part of the file, `UNSUPPORTED` for one of 4 GiB and more
 */
export function regionOf({ externalData }: TensorProto, size: number, file: string, what: string): Region {
  const entries = new Map(externalData.map(({ key, value }) => [key, value]));
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
      `${what} ends at byte ${offset + length}, but ${file} has ${size} bytes; fetch that file again`,
    );
  }
  if (length >= 2 ** 32)
    throw new InputError('UNSUPPORTED', `${what} is ${length} bytes long, over 4 GiB; split the tensor`);
  return { offset, length };
}

/** Puts the values of an external tensor into the model's own message, which may not be in use yet. */
export function takeValues(tensor: TensorProto, values: Uint8Array): void {
  tensor.rawData = values as Uint8Array<ArrayBuffer>;
  tensor.dataLocation = Location.DEFAULT;
  tensor.externalData = [];
}

/** The contents of the files beside a model, by the path that its tensors name. */
export type ExternalFiles = Readonly<Record<string, Uint8Array>>;

/**
 * Puts the values that lie in given files into a freshly decoded model, as views.
 *
 * @returns whether there were any
 * @throws InputError `NOT_FOUND` for a file that is not given; else as `regionOf`
 */
export function takeExternalValues(model: ModelProto, files: ExternalFiles, source: string): boolean {
  const tensors = externalTensors(model);
  for (const tensor of tensors) {
    const location = locationOf(tensor);
    const what = nameOfValues(tensor, source);
    const file = Object.hasOwn(files, location) ? files[location] : undefined;
    if (file === undefined) {
      throw new InputError(
        'NOT_FOUND',
        `${what} lie in ${location || 'a file without a name'}, which is not given: give that file with the model (\`external\`)`,
      );
    }
    const { offset, length } = regionOf(tensor, file.length, location, what);
    takeValues(tensor, file.subarray(offset, offset + length));
  }
  return tensors.length > 0;
}
