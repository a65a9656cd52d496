/**
 * Tensors most of whose values are zero, such as weights that were pruned: the others in order, and of each how far it is behind the one before.
 * Standard nodes put them among zeros: `ScatterND(Expand(0), CumSum(Cast(gaps)), values)`, which runtimes compute once, when they load the model.
 */
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from 'onnx-buf';
import { copyMessage, intAttribute, isStandard, makeNode } from '../proto/onnx-protos.js';
import { dimsOf, int64Tensor, integerValues, rawTensor, sizeOf } from '../proto/tensor-values.js';
import type { GraphEditor } from '../rewrite/graph-editor.js';
import type { GraphIndex } from '../tensors/graph-index.js';

/** The least that has to be saved: the nodes take their time when a model is loaded. */
const MOST_BYTES = 0.75;
/** What the nodes take, about, beside names. */
const NODES = 500;
/** The farthest that a value is behind the one before: farther ones have a zero between. */
const MOST_GAP = 255;
/** Larger tensors are left to the nodes: a small file can claim any size. */
const MOST_VALUES = 2 ** 31;
/** CumSum and ScatterND came with this operator set. */
const OLDEST_OPSET = 11;

/** The values of a tensor that are not zero. */
export interface OtherValues {
  /** uint8, shape `[n, 1]`: the places of the values, row-major, each as what is added to the one before. */
  readonly gaps: TensorProto;
  /** Shape `[n]`, of the tensor's own type. */
  readonly values: TensorProto;
}

/**
 * @param bytes of each value
 * @returns the share of a tensor's bytes that is left without its zeros; undefined where they are not worth leaving out
 */
export function shareWithoutZeros(
  { opset }: GraphIndex,
  values: ArrayLike<number>,
  bytes: number,
): number | undefined {
  if (opset < OLDEST_OPSET) return undefined;
  const entries = entriesOf(values);
  const share = (entries * (1 + bytes) + NODES) / (bytes * values.length);
  return entries > 0 && share <= MOST_BYTES ? share : undefined;
}

/** Values that are kept, with the zeros between those that are far apart. */
function entriesOf(values: ArrayLike<number>): number {
  let [entries, last] = [0, 0];
  for (let at = 0; at < values.length; at++) {
    if (values[at] === 0) continue;
    entries += 1 + Math.floor(Math.max(0, at - last - 1) / MOST_GAP);
    last = at;
  }
  return entries;
}

/** The values of a tensor in `raw_data`, of 8 or 16 bits; undefined where its zeros are not worth leaving out. */
export function otherValues(index: GraphIndex, tensor: TensorProto): OtherValues | undefined {
  const { name, dataType } = tensor;
  const own = unitsOf(tensor);
  if (shareWithoutZeros(index, own, own.BYTES_PER_ELEMENT) === undefined) return undefined;
  const [gaps, values]: [number[], number[]] = [[], []];
  let last = 0;
  for (let at = 0; at < own.length; at++) {
    if (own[at] === 0) continue;
    for (; at - last > MOST_GAP; last += MOST_GAP) {
      gaps.push(MOST_GAP);
      values.push(0);
    }
    gaps.push(at - last);
    values.push(own[at]!);
    last = at;
  }
  const units = own instanceof Uint8Array ? Uint8Array.from(values) : Uint16Array.from(values);
  return {
    gaps: rawTensor(`${name}_gaps`, [gaps.length, 1], DataType.UINT8, Uint8Array.from(gaps)),
    values: rawTensor(name, [values.length], dataType, units),
  };
}

/** Nodes that make the tensor again. @returns its name */
export function addNodes(
  editor: GraphEditor,
  nodes: NodeProto[],
  tensor: TensorProto,
  { gaps, values }: OtherValues,
): string {
  const { name, dataType } = tensor;
  const zero = new Uint8Array(WIDTHS[dataType]!);
  const constant = (suffix: string, make: (name: string) => TensorProto): string =>
    editor.addInitializer(make(editor.fresh(`${name}_${suffix}`)));
  const append = (opType: string, inputs: string[], attributes = {}): string => {
    const made = editor.fresh(`${name}_${opType.toLowerCase()}`);
    nodes.push(makeNode(opType, made, inputs, [made], attributes));
    return made;
  };
  const named = (own: TensorProto) => (called: string) => copyMessage(own, { name: called });
  const far = append('Cast', [constant('gaps', named(gaps))], { to: DataType.INT64 });
  const places = append('CumSum', [far, constant('axis', (own) => rawTensor(own, [], DataType.INT64, ZERO))]);
  const zeros = append('Expand', [
    constant('zero', (own) => rawTensor(own, [1], dataType, zero)),
    constant('size', (own) => int64Tensor(own, [sizeOf(tensor)])),
  ]);
  const flat = append('ScatterND', [zeros, places, constant('values', named(values))]);
  return append('Reshape', [flat, constant('shape', (own) => int64Tensor(own, dimsOf(tensor)))]);
}

const ZERO = BigInt64Array.of(0n);

/** A tensor behind such nodes. */
export interface FoundValues extends OtherValues {
  /** As it would be without them, called as their last output. */
  readonly tensor: TensorProto;
  readonly nodes: readonly NodeProto[];
  /** Names of the constants that they read. */
  readonly constants: readonly string[];
}

/** What makes a tensor, where it is nodes as `addNodes` adds them, and nothing else reads what lies between. */
export function valuesBehind(index: GraphIndex, name: string): FoundValues | undefined {
  const nodes: NodeProto[] = [];
  const constants: string[] = [];
  const maker = (tensor: string, opType: string): NodeProto | undefined => {
    const node = index.producer(tensor);
    if (node?.opType !== opType || !isStandard(node) || index.uses(tensor) !== 1) return undefined;
    nodes.unshift(node);
    return node;
  };
  const constant = (node: NodeProto | undefined, slot: number): TensorProto | undefined => {
    const tensor = index.initializers.get(node?.input[slot] ?? '');
    if (tensor === undefined || index.uses(tensor.name) !== 1) return undefined;
    constants.push(tensor.name);
    return tensor;
  };
  const reshape = maker(name, 'Reshape');
  const scatter = reshape && maker(reshape.input[0]!, 'ScatterND');
  const expand = scatter && maker(scatter.input[0]!, 'Expand');
  const sum = scatter && maker(scatter.input[1]!, 'CumSum');
  const cast = sum && maker(sum.input[0]!, 'Cast');
  if (expand === undefined || cast === undefined || intAttribute(cast, 'to', 0) !== DataType.INT64)
    return undefined;
  const [shape, values, zero] = [constant(reshape, 1), constant(scatter, 2), constant(expand, 0)];
  const [size, axis, gaps] = [constant(expand, 1), constant(sum, 1), constant(cast, 0)];
  if (!(shape && values && zero && size && axis && gaps)) return undefined;
  const dims = integersIn(shape);
  const bytes = WIDTHS[values.dataType];
  const isOwn =
    dims !== undefined &&
    bytes !== undefined &&
    dims.every((length) => length > 0) &&
    product(dims) <= MOST_VALUES &&
    integersIn(size)?.join() === String(product(dims)) &&
    integersIn(axis)?.join() === '0' &&
    zero.dataType === values.dataType &&
    zero.rawData.every((byte) => byte === 0) &&
    ['exclusive', 'reverse'].every((attribute) => intAttribute(sum!, attribute, 0) === 0) &&
    gaps.dataType === DataType.UINT8 &&
    dimsOf(gaps).join() === `${gaps.rawData.length},1` &&
    values.rawData.length === bytes * gaps.rawData.length &&
    sizeOf(values) === gaps.rawData.length;
  if (!isOwn) return undefined;
  const units = unitsOf(values);
  const own = units instanceof Uint8Array ? new Uint8Array(product(dims)) : new Uint16Array(product(dims));
  let at = 0;
  for (const [i, gap] of gaps.rawData.entries()) {
    at += gap;
    if (at >= own.length) return undefined;
    own[at] = units[i]!;
  }
  return { gaps, values, nodes, constants, tensor: rawTensor(name, dims, values.dataType, own) };
}

/** Bytes of a value. */
const WIDTHS: Readonly<Partial<Record<number, number>>> = {
  [DataType.INT8]: 1,
  [DataType.INT16]: 2,
  [DataType.FLOAT16]: 2,
};

function integersIn(tensor: TensorProto): number[] | undefined {
  return tensor.dataType === DataType.INT64 ? integerValues(tensor) : undefined;
}

function product(lengths: readonly number[]): number {
  return lengths.reduce((all, length) => all * length, 1);
}

/** The bits of values as whole numbers: zero is that of the smallest sign. */
function unitsOf({ rawData, dataType }: TensorProto): Uint8Array | Uint16Array {
  if (WIDTHS[dataType] === 1) return rawData;
  return new Uint16Array(rawData.slice().buffer);
}
