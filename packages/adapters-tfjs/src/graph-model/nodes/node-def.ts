/** Nodes of a TensorFlow GraphDef in JSON, and their attributes. */
import type { ElementType } from '@spherize/core';
import { asArray, asObject, asText, isObject, type Json, type JsonObject } from '../../artifacts/json.js';

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  /** Names of tensors: `node`, `node:1` for a second output, `^node` for nothing but the order. */
  readonly input: readonly string[];
  readonly attr: JsonObject;
}

/** @throws InputError `BAD_FILE` when the topology is no GraphDef */
export function parseNodes(topology: JsonObject): NodeDef[] {
  return asArray(topology.node, 'node of the graph').map((value) => {
    const node = asObject(value, 'a node');
    const name = asText(node.name, 'name of a node');
    return {
      ...node,
      name,
      op: asText(node.op, `op of ${name}`),
      input: asArray(node.input ?? [], `input of ${name}`).map((input) =>
        plainName(asText(input, 'an input')),
      ),
      attr: isObject(node.attr) ? node.attr : {},
    };
  });
}

/** A tensor's name without `:0`, which means nothing. */
export function plainName(tensor: string): string {
  return tensor.replace(/:0$/, '');
}

/** The node that makes a tensor. */
export function nodeOf(tensor: string): string {
  return tensor.replace(/^\^/, '').replace(/:\d+$/, '');
}

export function isControl(tensor: string): boolean {
  return tensor.startsWith('^');
}

export function flag({ attr }: NodeDef, name: string): boolean {
  const value = attr[name];
  return isObject(value) && value.b === true;
}

/** A whole number, which most files write as text. */
export function integer({ attr }: NodeDef, name: string): number | undefined {
  const value = attr[name];
  return isObject(value) && value.i !== undefined ? Number(value.i) : undefined;
}

export function texts({ attr }: NodeDef, name: string): string[] {
  const value = attr[name];
  const list = isObject(value) && isObject(value.list) ? value.list.s : undefined;
  return Array.isArray(list) ? list.map((text) => decode(String(text))) : [];
}

export function text({ attr }: NodeDef, name: string): string | undefined {
  const value = attr[name];
  return isObject(value) && typeof value.s === 'string' ? decode(value.s) : undefined;
}

export function integers({ attr }: NodeDef, name: string): number[] {
  const value = attr[name];
  const list = isObject(value) && isObject(value.list) ? value.list.i : undefined;
  return Array.isArray(list) ? list.map(Number) : [];
}

/** Texts in a GraphDef are bytes in base64; what is none stands for no known name. */
function decode(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return '';
  }
}

/** The sizes of a shape attribute; undefined for an unknown rank. */
export function sizesOf(shape: Json | undefined): (number | undefined)[] | undefined {
  if (!isObject(shape) || shape.unknownRank === true) return undefined;
  const dims = Array.isArray(shape.dim) ? shape.dim : [];
  return dims.map((dim) => {
    const size = isObject(dim) ? Number(dim.size ?? 0) : -1;
    return size >= 0 ? size : undefined;
  });
}

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  DT_FLOAT: 'float32',
  DT_UINT8: 'uint8',
  DT_INT8: 'int8',
  DT_UINT16: 'uint16',
  DT_INT16: 'int16',
  DT_INT32: 'int32',
  DT_BOOL: 'bool',
  DT_STRING: 'string',
  DT_COMPLEX64: 'other',
  // TensorFlow.js holds these as float32 and int32.
  DT_HALF: 'float32',
  DT_BFLOAT16: 'float32',
  DT_DOUBLE: 'float32',
  DT_UINT32: 'int32',
  DT_INT64: 'int32',
  DT_UINT64: 'int32',
};

/** TensorFlow's numbers of the types, in which some files give them. */
const TYPE_NUMBERS: Readonly<Record<string, string>> = {
  1: 'DT_FLOAT',
  2: 'DT_DOUBLE',
  3: 'DT_INT32',
  4: 'DT_UINT8',
  5: 'DT_INT16',
  6: 'DT_INT8',
  7: 'DT_STRING',
  8: 'DT_COMPLEX64',
  9: 'DT_INT64',
  10: 'DT_BOOL',
  14: 'DT_BFLOAT16',
  17: 'DT_UINT16',
  19: 'DT_HALF',
  22: 'DT_UINT32',
  23: 'DT_UINT64',
};

/** What a type attribute says, by name or by number, as TensorFlow.js takes it; float32 where it says nothing. */
export function elementType(type: Json | undefined): ElementType {
  if (type === undefined) return 'float32';
  return ELEMENT_TYPES[TYPE_NUMBERS[String(type)] ?? String(type)] ?? 'other';
}

/** Whether channels come last, where a node has channels at all. */
export function channelsLast(node: NodeDef): boolean {
  return !text(node, 'data_format')?.startsWith('NC');
}

/** Whether a fused node adds a bias first, or does nothing after its product, and has the operands for it: runtimes differ on others. */
export function isWellFused(node: NodeDef): boolean {
  const operations = texts(node, 'fused_ops');
  const extra = node.input.filter((name) => !isControl(name)).length - 2;
  if (operations.length === 0) return extra === 0;
  return (
    operations[0] === 'BiasAdd' && operations.length <= 2 && extra === (operations[1] === 'Prelu' ? 2 : 1)
  );
}

/** The operations that a fused node does after its product: the first may be BiasAdd, the last an activation. */
export function fusedOperations(node: NodeDef): { bias: boolean; activation: string | undefined } {
  const operations = texts(node, 'fused_ops');
  const activation = operations.find((name) => name !== 'BiasAdd' && name !== 'FusedBatchNorm');
  return { bias: operations[0] === 'BiasAdd', activation };
}
