/**
 * Weights that a file holds in fewer bits than the model computes with: floats of 16 bits behind a Cast, or whole numbers behind a Cast and a
 * Mul by scales, with nodes in front that put zeros among them where most are. Runtimes compute such constants once, when they load the model. In memory the weights are plain floats in the place of the
 * last of these nodes, so that everything else sees constants; the file's form is kept beside them, for as long as nobody changes them.
 */
import { type RowForm, rowValues, type WeightType } from '@spherize/core';
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { copyMessage, intAttribute, isStandard, makeValueInfo } from '../proto/onnx-protos.js';
import { dimsOf, floatTensor, floatValues, isFloatType, sizeOf } from '../proto/tensor-values.js';
import { wholeNumbers } from '../tensors/dequantization.js';
import { GraphIndex } from '../tensors/graph-index.js';
import { type OtherValues, valuesBehind } from './left-out-zeros.js';

/** A tensor of weights as it is in memory and in the file. */
export interface StoredTensor {
  readonly type: WeightType;
  /** In memory. Where the model has another tensor of this name by now, the file's form is not valid any more. */
  readonly floats: TensorProto;
  /** In the file: floats of 16 bits or whole numbers. */
  readonly data: TensorProto;
  /** What the whole numbers are multiplied by. */
  readonly scales?: TensorProto | undefined;
  /** What the file holds in place of the data, where it leaves their zeros out. */
  readonly others?: OtherValues | undefined;
}

/** By the name of the tensor that the model reads. */
export type StoredTensors = ReadonlyMap<string, StoredTensor>;

/** The types that hold weights. */
const TYPES: Readonly<Partial<Record<DataType, WeightType>>> = {
  [DataType.FLOAT16]: 'float16',
  [DataType.BFLOAT16]: 'float16',
  [DataType.INT8]: 'int8',
  [DataType.UINT8]: 'int8',
  [DataType.INT16]: 'int16',
};

/** The model with such weights as floats, and their form in the file by name. */
export function withFloats(model: ModelProto): { model: ModelProto; stored: StoredTensors } {
  const index = new GraphIndex(model);
  const stored = new Map<string, StoredTensor>();
  const gone = new Set<NodeProto>();
  /** Names of what lies behind the floats. */
  const unread = new Set<string>();
  for (const node of index.graph.node) {
    const found = storedBehind(index, node);
    if (found === undefined) continue;
    stored.set(found.tensor.floats.name, found.tensor);
    for (const own of found.nodes) gone.add(own);
    for (const { output } of found.nodes.slice(0, -1)) unread.add(output[0]!);
    for (const name of found.constants) unread.add(name);
  }
  if (stored.size === 0) return { model, stored };
  const { graph } = index;
  const kept = ({ name }: { readonly name: string }) => !unread.has(name);
  return {
    stored,
    model: copyMessage(model, {
      graph: copyMessage(graph, {
        node: graph.node.filter((node) => !gone.has(node)),
        input: inputsOf(index, kept, stored),
        valueInfo: graph.valueInfo.filter(kept),
        initializer: [...graph.initializer.filter(kept), ...[...stored.values()].map(({ floats }) => floats)],
      }),
    }),
  };
}

/** Old files list initializers as inputs too: so are those in their place. */
function inputsOf(
  { graph, initializers }: GraphIndex,
  kept: (input: ValueInfoProto) => boolean,
  stored: StoredTensors,
): ValueInfoProto[] {
  const listed = graph.input.some(({ name }) => initializers.has(name));
  const made = [...stored.values()].map(({ floats }) =>
    makeValueInfo(floats.name, floats.dataType, dimsOf(floats)),
  );
  return [...graph.input.filter(kept), ...(listed ? made : [])];
}

interface FoundWeights {
  readonly tensor: StoredTensor;
  /** The last one makes the floats. */
  readonly nodes: readonly NodeProto[];
  /** Names of the constants that they read. */
  readonly constants: readonly string[];
}

/** The weights that begin with a Cast, where nothing else reads what lies between. */
function storedBehind(index: GraphIndex, cast: NodeProto): FoundWeights | undefined {
  if (cast.opType !== 'Cast' || !isStandard(cast)) return undefined;
  const others = valuesBehind(index, cast.input[0]!);
  const data = others?.tensor ?? index.initializers.get(cast.input[0]!);
  const type = data && TYPES[data.dataType as DataType];
  if (data === undefined || type === undefined || data.dims.length < 2 || !own(index, data.name))
    return undefined;
  const before = others?.nodes ?? [];
  const constants = others?.constants ?? [data.name];
  const result = cast.output[0]!;
  const dataType = intAttribute(cast, 'to', DataType.FLOAT);
  if (index.isOutput(result) || !isFloatType(dataType)) return undefined;
  if (type === 'float16') {
    if (dataType !== DataType.FLOAT && dataType !== DataType.DOUBLE) return undefined;
    const floats = floatTensor(result, dimsOf(data), dataType, floatValues(data));
    return { tensor: { type, floats, data, others }, nodes: [...before, cast], constants };
  }
  const [multiply] = index.consumers(result);
  if (
    dataType !== DataType.FLOAT ||
    multiply?.opType !== 'Mul' ||
    !isStandard(multiply) ||
    !own(index, result)
  )
    return undefined;
  const scales = index.initializers.get(multiply.input.find((name) => name !== result) ?? '');
  const form = scales && formOfScales(dimsOf(data), scales);
  if (form === undefined || !own(index, scales!.name) || !isWhole(data)) return undefined;
  const values = rowValues(wholeNumbers(data), form, floatValues(scales!));
  const [next] = index.consumers(multiply.output[0]!);
  // Models that compute in other floats have a Cast behind.
  const back =
    next?.opType === 'Cast' && isStandard(next) && own(index, multiply.output[0]!) ? next : undefined;
  const to = back && intAttribute(back, 'to', DataType.FLOAT);
  const last = back !== undefined && isFloatType(to!) ? back : multiply;
  const name = last.output[0]!;
  if (index.isOutput(name)) return undefined;
  const floats = floatTensor(name, dimsOf(data), last === multiply ? DataType.FLOAT : to!, values);
  const nodes = last === multiply ? [cast, multiply] : [cast, multiply, last];
  return {
    tensor: { type, floats, data, scales: scales!, others },
    nodes: [...before, ...nodes],
    constants: [...constants, scales!.name],
  };
}

/** Whether one node alone reads a tensor. */
function own(index: GraphIndex, tensor: string): boolean {
  return index.uses(tensor) === 1;
}

/** Whether a tensor of whole numbers has as many as its shape says. */
function isWhole(tensor: TensorProto): boolean {
  const { rawData, int32Data, dataType } = tensor;
  const bytes = dataType === DataType.INT16 ? 2 : 1;
  return rawData.length > 0 ? rawData.length === bytes * sizeOf(tensor) : int32Data.length === sizeOf(tensor);
}

/** How scales lie over a tensor: along neighbouring axes, all others 1; undefined for any other form. */
function formOfScales(dims: readonly number[], scales: TensorProto): RowForm | undefined {
  if (scales.dataType !== DataType.FLOAT) return undefined;
  const rows = sizeOf(scales);
  const own = dimsOf(scales);
  const long = own.flatMap((size, i) => (size === 1 ? [] : [i + dims.length - own.length]));
  const [first = 0, last = dims.length - 1] = [long[0], long.at(-1)];
  if (own.length > dims.length || first < 0) return undefined;
  const inner = dims.slice(last + 1).reduce((product, size) => product * size, 1);
  if (rows === 1) return { rows, inner: dims.reduce((product, size) => product * size, 1) };
  const covered = dims.slice(first, last + 1).reduce((product, size) => product * size, 1);
  return covered === rows ? { rows, inner } : undefined;
}
