/** Tensors whose values lie in files beside the model. */
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { InputError } from '@spherize/core';
import {
  type GraphProto,
  TensorProto_DataLocation as Location,
  type ModelProto,
  type NodeProto,
  type SparseTensorProto,
  type TensorProto,
} from 'onnx-buf';

/**
 * Reads all external values of a freshly decoded model into its tensors.
 *
 * Files must lie in the model's folder or below it, also after following links.
 *
 * @returns number of bytes read, and the files that hold them
 * @throws InputError `UNSUPPORTED` for a place outside the folder, `NOT_FOUND` or `BAD_FILE` for a file that is missing or short
 */
export async function readExternalData(
  model: ModelProto,
  source: string,
): Promise<{ bytes: number; files: string[] }> {
  const external = tensorsOf(model).filter(({ dataLocation }) => dataLocation === Location.EXTERNAL);
  const files = new Set<string>();
  let total = 0;
  for (const tensor of external) {
    const { bytes, path } = await readValues(tensor, source);
    files.add(path);
    tensor.rawData = bytes;
    tensor.dataLocation = Location.DEFAULT;
    tensor.externalData = [];
    total += bytes.length;
    if (total >= 2 ** 31) {
      throw new InputError('UNSUPPORTED', `${source} holds more than 2 GiB of external data`);
    }
  }
  return { bytes: total, files: [...files] };
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

async function readValues(
  tensor: TensorProto,
  source: string,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; path: string }> {
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
    throw new InputError('UNSUPPORTED', `${what} lies at '${location}', not below the model's folder`);
  }
  const folder = await realpath(dirname(source));
  const path = await realpath(join(folder, location)).catch((error: unknown) => {
    throw new InputError('NOT_FOUND', `${what} is missing: there is no file ${location}`, { cause: error });
  });
  const inside = relative(folder, path);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new InputError(
      'UNSUPPORTED',
      `${what} lies at '${location}', which leads out of the model's folder`,
    );
  }
  // Before it is opened: opening a pipe would wait for its writer.
  const found = await stat(path);
  const { size } = found;
  if (!found.isFile()) throw new InputError('BAD_FILE', `${what} lies at '${location}', which is no file`);
  const file = await open(path);
  try {
    const offset = Number(entries.get('offset') ?? 0);
    const length = Number(entries.get('length') ?? size - offset);
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new InputError('BAD_FILE', `${what} has offset ${offset} and length ${length}`);
    }
    if (offset + length > size) {
      throw new InputError(
        'BAD_FILE',
        `${what} ends at byte ${offset + length}, but ${location} has ${size} bytes`,
      );
    }
    if (length >= 2 ** 31) throw new InputError('UNSUPPORTED', `${what} is ${length} bytes long, over 2 GiB`);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new InputError('BAD_FILE', `${what} ends too early`);
      done += bytesRead;
    }
    return { bytes, path };
  } finally {
    await file.close();
  }
}
