/**
 * What must hold of a file before anything is worked out from it: every tensor has one maker, no node reads what is made from its own outputs,
 * and every constant has as many bytes as its dims say. Everything that walks a graph relies on it to end.
 */
import { InputError } from '@spherize/core';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from 'onnx-buf';
import { tensorsReadBy } from '../tensors/graph-index.js';
import { nodeOrder } from '../tensors/node-order.js';
import { checkFiniteWeights } from './finite-weights.js';
import { operatorOf } from './operators/operator-table.js';

/** Bits of one value. */
const BITS: ReadonlyMap<number, number> = new Map([
  ...[DataType.DOUBLE, DataType.INT64, DataType.UINT64, DataType.COMPLEX64].map(
    (type) => [type, 64] as const,
  ),
  ...[DataType.FLOAT, DataType.INT32, DataType.UINT32].map((type) => [type, 32] as const),
  ...[DataType.FLOAT16, DataType.BFLOAT16, DataType.INT16, DataType.UINT16].map(
    (type) => [type, 16] as const,
  ),
  ...[DataType.INT8, DataType.UINT8, DataType.BOOL].map((type) => [type, 8] as const),
  [DataType.COMPLEX128, 128],
]);
/**
 * @param source what to call the model in messages
 * @throws InputError `BAD_FILE` that names the tensor or node which is wrong
 */
export function checkModel({ graph }: ModelProto, source: string): void {
  const fail: Fail = (what) => {
    throw new InputError('BAD_FILE', `${source} is not a valid ONNX model: ${what}; export it again`);
  };
  if (graph === undefined) return;
  checkTensors(graph, fail);
  checkOrder(graph, fail);
  checkFiniteWeights(graph, source);
}

type Fail = (what: string) => never;

function checkOrder(graph: GraphProto, fail: Fail): void {
  const made = new Set<string>();
  const once = (name: string, what: string): void => {
    if (made.has(name)) fail(`two tensors are called '${name}', one is ${what}`);
    made.add(name);
  };
  for (const { name } of graph.initializer) once(name, 'an initializer');
  for (const { values } of graph.sparseInitializer) once(values?.name ?? '', 'an initializer');
  const inputs = new Set<string>();
  for (const { name } of graph.input) {
    if (inputs.has(name)) fail(`two inputs are called '${name}'`);
    inputs.add(name);
    // An initializer may be listed as an input too.
    made.add(name);
  }
  const makers = new Set(graph.node.flatMap(({ output }) => output));
  const { circle } = nodeOrder(graph);
  for (const [i, node] of graph.node.entries()) {
    const what = `node ${i} (${node.opType}${node.name === '' ? '' : ` '${node.name}'`})`;
    if (!node.output.some((name) => name !== '')) fail(`${what} has no output`);
    const required = operatorOf(node)?.inputs ?? 0;
    for (let slot = 0; slot < required; slot++) {
      if (!node.input[slot]) fail(`${what} lacks input ${slot} of ${required}`);
    }
    for (const name of tensorsReadBy(node)) {
      if (circle?.node === node && circle.tensor === name) {
        fail(`${what} reads '${name}', which is made from what it makes itself: the graph has a cycle`);
      }
      if (!made.has(name) && !makers.has(name)) fail(`${what} reads '${name}', which nothing makes`);
    }
    for (const name of node.output) if (name !== '') once(name, `made by ${what}`);
  }
  for (const { name } of graph.output) {
    if (!made.has(name)) fail(`its output '${name}' is made by nothing`);
  }
}

function checkTensors(graph: GraphProto, fail: Fail): void {
  const constants = graph.node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []));
  for (const tensor of [...graph.initializer, ...constants]) checkTensor(tensor, fail);
}

function checkTensor(tensor: TensorProto, fail: Fail): void {
  const what = `tensor '${tensor.name}' of dims [${tensor.dims.join(', ')}]`;
  let size = 1n;
  for (const dim of tensor.dims) {
    if (dim < 0n) fail(`${what}: a dim is negative`);
    size *= dim;
  }
  const bits = BITS.get(tensor.dataType);
  if (bits === undefined) return;
  const bytes = (size * BigInt(bits)) / 8n;
  if (tensor.rawData.length > 0) {
    if (BigInt(tensor.rawData.length) !== bytes) {
      fail(`${what} needs ${bytes} bytes, it has ${tensor.rawData.length}`);
    }
    return;
  }
  const { floatData, doubleData, int32Data, int64Data, uint64Data } = tensor;
  const stored = Math.max(
    ...[floatData, doubleData, int32Data, int64Data, uint64Data].map((list) => list.length),
  );
  const complex = tensor.dataType === DataType.COMPLEX64 || tensor.dataType === DataType.COMPLEX128;
  if (BigInt(stored) !== (complex ? 2n * size : size)) {
    fail(`${what} needs ${size} values, it has ${stored}`);
  }
}
