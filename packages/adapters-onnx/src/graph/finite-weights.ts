/** Weights that are NaN or infinite are refused with the name of their tensor and the first place: nothing can be worked out from them. */
import { InputError, tensorIndex } from '@spherize/core';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import { attribute, floatAttribute } from '../proto/onnx-protos.js';
import { dimsOf, floatValues, isFloatType } from '../proto/tensor-values.js';
import { operatorOf } from './operators/operator-table.js';

/**
 * @param source what to call the model in messages
 * @throws InputError `BAD_FILE` that names the tensor or the attribute
 */
export function checkFiniteWeights(graph: GraphProto, source: string): void {
  const constants = new Map<string, TensorProto>(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const node of graph.node) {
    const value = node.opType === 'Constant' ? attribute(node, 'value')?.t : undefined;
    if (value !== undefined) constants.set(node.output[0]!, value);
  }
  const passed = new Set<string>();
  for (const node of graph.node) {
    const finite = operatorOf(node)?.finite;
    if (finite === undefined) continue;
    checkFactors(node, source);
    const mask = finite === 'masks';
    for (const name of node.input) {
      const tensor = constants.get(name);
      const key = `${mask} ${name}`;
      if (tensor === undefined || passed.has(key)) continue;
      passed.add(key);
      requireFinite(tensor, `${source}: tensor '${name}'`, mask ? Number.isNaN : isNotFinite);
    }
  }
}

/**
 * @param what the tensor, for the message
 * @param isWrong whether a value is refused
 * @throws InputError `BAD_FILE` with the first index of such a value
 */
export function requireFinite(
  tensor: TensorProto,
  what: string,
  isWrong: (value: number) => boolean = isNotFinite,
): void {
  if (!isFloatType(tensor.dataType)) return;
  const values = floatValues(tensor);
  let at = -1;
  for (let i = 0; i < values.length && at < 0; i++) {
    const value = values[i]!;
    // Zero for every finite value: a comparison instead of a call.
    if (value - value !== 0 && isWrong(value)) at = i;
  }
  if (at < 0) return;
  const stored =
    tensor.dataType === DataType.DOUBLE && values[at] === Infinity ? 'more than float32 holds' : values[at];
  throw new InputError(
    'BAD_FILE',
    `${what} has ${stored} at [${tensorIndex(at, dimsOf(tensor)).join(', ')}], weights must be finite; export the model again from a sound checkpoint`,
  );
}

/** The factors of a Gemm. */
function checkFactors(node: NodeProto, source: string): void {
  if (node.opType !== 'Gemm') return;
  for (const name of ['alpha', 'beta']) {
    const value = floatAttribute(node, name, 1);
    if (Number.isFinite(value)) continue;
    throw new InputError(
      'BAD_FILE',
      `${source}: ${name} of the Gemm '${node.name || node.output[0]}' is ${value}, expected a finite number; export the model again`,
    );
  }
}

function isNotFinite(value: number): boolean {
  return !Number.isFinite(value);
}
