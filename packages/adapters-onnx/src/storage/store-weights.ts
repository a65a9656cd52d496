/** Stores the large tensors of weights of an ONNX model in another type. */
import {
  BYTES_OF_TYPE,
  InputError,
  MOST_STEPS,
  type RoundedWeights,
  type RowForm,
  relativeRounding,
  roundingEnergies,
  roundRows,
  rowScales,
  rowValues,
  type StorageReport,
  type WeightType,
  whyNotHeld,
} from '@spherize/core';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from 'onnx-buf';
import type { WeightedNode } from '../graph/feature-graph.js';
import { startOf } from '../graph/layer-values.js';
import type { OnnxModelFacts } from '../graph/onnx-model-facts.js';
import { attribute, isStandard } from '../proto/onnx-protos.js';
import {
  dataTypeName,
  dimsOf,
  floatTensor,
  floatValues,
  isFloatType,
  rawTensor,
  sizeOf,
} from '../proto/tensor-values.js';
import { GraphEditor } from '../rewrite/graph-editor.js';
import type { GraphIndex } from '../tensors/graph-index.js';
import { otherValues, shareWithoutZeros } from './left-out-zeros.js';
import { type RowAxes, rowAxes, scaleShape } from './row-form.js';
import type { StoredTensor, StoredTensors } from './stored-weights.js';

/** Tensors of fewer values stay: the nodes that make floats of them take as much as is saved. */
const FEWEST_VALUES = 1024;
/** What those nodes take, about, beside names. */
const NODES = 200;
/** Casts to these types came with this operator set, as numbers instead of names; products are broadcast from the next one on. */
const OLDEST_OPSET = 7;

const FORMS: Readonly<Record<WeightType, string>> = {
  float32: 'float32',
  float16: 'float16',
  int16: 'int16, a scale per output',
  int8: 'int8, a scale per output',
};

export interface StoredOnnx {
  /** With the floats that the stored values are read as. */
  readonly model: ModelProto;
  readonly stored: StoredTensors;
  readonly report: StorageReport;
}

/**
 * @param before the tensors that are stored in fewer bits now
 * @throws InputError `UNSUPPORTED` for operator sets whose nodes cannot make floats of other types
 */
export function storeOnnxWeights(
  graph: OnnxModelFacts,
  before: StoredTensors,
  type: WeightType,
  rounded: ReadonlyMap<string, RoundedWeights> = new Map(),
): StoredOnnx {
  const { index } = graph;
  const report = { type, form: FORMS[type], tensors: 0, values: 0, error: 0, kept: [] } as const;
  if (type === 'float32') return { model: index.model, stored: new Map(), report };
  if (index.opset < OLDEST_OPSET)
    throw new InputError(
      'UNSUPPORTED',
      `operator set ${index.opset} is too old for weights of other types: convert the model to ${OLDEST_OPSET} or newer`,
    );
  const chosen = chosenByTensor(graph, rounded);
  const editor = new GraphEditor(index);
  const stored = new Map<string, StoredTensor>();
  const kept: { name: string; reason: string }[] = [];
  let [values, lost, square] = [0, 0, 0];
  for (const tensor of weightTensors(index)) {
    const { name, dataType } = tensor;
    const now = before.get(name);
    const axes = rowAxes(index, name, tensor.dims.length);
    if (now?.floats === tensor && now.type === type) {
      stored.set(name, now);
      values += sizeOf(tensor);
      const own = floatValues(tensor);
      square += roundingEnergies(own, own).square;
      continue;
    }
    if (!isSmaller(tensor, axes, type)) continue;
    if (index.isOutput(name)) {
      kept.push({ name, reason: 'is an output of the model' });
      continue;
    }
    const own = floatValues(tensor);
    const made = storedForm(tensor, own, axes, type, chosen.get(name));
    const why = whyNotHeld(own, made.values, formOf(tensor, axes));
    if (why !== undefined) {
      const what =
        why === 'not finite' ? 'holds values that are not finite' : `has values ${why} for ${type}`;
      kept.push({ name, reason: `${what}: stays ${dataTypeName(dataType)}` });
      continue;
    }
    const floats = floatTensor(name, dimsOf(tensor), dataType, made.values);
    editor.replaceConstant(floats);
    const others = otherValues(index, made.data);
    stored.set(name, { type, floats, data: made.data, scales: made.scales, others });
    values += own.length;
    const energies = roundingEnergies(own, made.values);
    square += energies.square;
    lost += energies.lost;
  }
  kept.push(...withinGraphs(index.graph.node));
  const error = relativeRounding({ lost, square });
  return {
    model: editor.finish(),
    stored,
    report: {
      ...report,
      tensors: stored.size,
      withoutZeros: [...stored.values()].filter(({ others }) => others !== undefined).length,
      values,
      error,
      kept,
    },
  };
}

/**
 * Layers whose weights are matrices or filters of this layer alone, as they are stored: of those the steps may be chosen. Not of those whose zeros
 * are left out, of which few would stay zero.
 */
export function rowLayers(graph: OnnxModelFacts, stored: StoredTensors): string[] {
  const tensors = new Set(weightTensors(graph.index));
  const shares = sharesWithoutZeros(graph, 'int8');
  return graph.features.layers.flatMap(({ name }) => {
    const own = graph.features.weighted(name);
    const { tensor } = own.weights;
    const plain = tensors.has(tensor) && stored.get(tensor.name)?.floats !== tensor;
    const chosen = plain && isSmaller(tensor, axesOf(own), 'int8') && isOwn(own);
    return chosen && !shares.has(name) ? [name] : [];
  });
}

const known = new WeakMap<OnnxModelFacts, Map<WeightType, ReadonlyMap<string, number>>>();

/** By layer, the share of the bytes of its weights that a type takes where their zeros are left out. Found once per model. */
export function sharesWithoutZeros(graph: OnnxModelFacts, type: WeightType): ReadonlyMap<string, number> {
  const found = known.get(graph) ?? new Map<WeightType, ReadonlyMap<string, number>>();
  known.set(graph, found);
  if (!found.has(type)) found.set(type, type === 'float32' ? new Map() : findShares(graph, type));
  return found.get(type)!;
}

function findShares({ index, features }: OnnxModelFacts, type: WeightType): ReadonlyMap<string, number> {
  const tensors = new Set(weightTensors(index));
  const shares = features.layers.flatMap(({ name }) => {
    const { tensor } = features.weighted(name).weights;
    if (!tensors.has(tensor)) return [];
    const share = shareWithoutZeros(index, floatValues(tensor), BYTES_OF_TYPE[type]);
    return share === undefined ? [] : [[name, share] as const];
  });
  return new Map(shares);
}

function isOwn({ layer, layout, product }: WeightedNode): boolean {
  const depthwise = layer.groups > 1 && layer.groups === layer.inputs;
  const apart = layer.groups === 1 || layout === 'outputs first';
  return !layer.shared && !depthwise && apart && (product?.alpha ?? 1) === 1;
}

/** The initializers and the values of Constant nodes that are weights. */
function weightTensors(index: GraphIndex): TensorProto[] {
  const constants = index.graph.node.flatMap((node) =>
    node.opType === 'Constant' && isStandard(node) ? (index.constant(node.output[0]!) ?? []) : [],
  );
  return [...index.initializers.values(), ...constants].filter(isWeights);
}

function isWeights(tensor: TensorProto): boolean {
  return isFloatType(tensor.dataType) && tensor.dims.length >= 2 && sizeOf(tensor) >= FEWEST_VALUES;
}

/** Whether a type takes fewer bytes for a tensor, its scales and nodes included. */
function isSmaller(tensor: TensorProto, axes: RowAxes, type: WeightType): boolean {
  const scales = type === 'float16' ? 0 : 4 * formOf(tensor, axes).rows;
  const size = sizeOf(tensor);
  const now = tensor.dataType === DataType.DOUBLE ? 8 : isHalf(tensor.dataType) ? 2 : 4;
  return size * BYTES_OF_TYPE[type] + scales + NODES + 4 * tensor.name.length < size * now;
}

function isHalf(dataType: number): boolean {
  return dataType === DataType.FLOAT16 || dataType === DataType.BFLOAT16;
}

function formOf(tensor: TensorProto, [first, end]: RowAxes): RowForm {
  const dims = dimsOf(tensor);
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  return { rows: product(dims.slice(first, end)), inner: product(dims.slice(end)) };
}

interface StoredForm {
  readonly data: TensorProto;
  readonly scales?: TensorProto;
  /** What the data are read as. */
  readonly values: Float32Array;
}

function storedForm(
  tensor: TensorProto,
  values: Float32Array,
  axes: RowAxes,
  type: 'float16' | 'int16' | 'int8',
  chosen: RoundedWeights | undefined,
): StoredForm {
  const { name } = tensor;
  const dims = dimsOf(tensor);
  if (type === 'float16') {
    const data = floatTensor(name, dims, DataType.FLOAT16, values);
    return { data, values: floatValues(data) };
  }
  const form = formOf(tensor, axes);
  const most = MOST_STEPS[type];
  const scales = chosen?.scales ?? rowScales(values, form, most);
  const steps = chosen?.steps ?? roundRows(values, form, scales, most);
  return {
    data: rawTensor(name, dims, type === 'int8' ? DataType.INT8 : DataType.INT16, steps),
    scales: floatTensor(`${name}_scale`, scaleShape(dims, axes), DataType.FLOAT, scales),
    values: rowValues(steps, form, scales),
  };
}

/** Where the weights of a layer have their outputs. */
function axesOf(own: WeightedNode): RowAxes {
  return orderOf(own) === 'outputs first' ? [0, 1] : [1, 2];
}

/** The layout of a layer's tensor, whatever stands between it and the node. */
function orderOf({ product, layout, weights }: WeightedNode): WeightedNode['layout'] {
  if (product !== undefined) return product.outputsFirst ? 'outputs first' : 'inputs first';
  if (!weights.transposed) return layout;
  return layout === 'outputs first' ? 'inputs first' : 'outputs first';
}

/** Chosen steps in the order of the tensors that hold them. */
function chosenByTensor(
  graph: OnnxModelFacts,
  rounded: ReadonlyMap<string, RoundedWeights>,
): Map<string, RoundedWeights> {
  const chosen = new Map<string, RoundedWeights>();
  for (const [name, { steps, scales }] of rounded) {
    const own = graph.features.weighted(name);
    const { layer, weights } = own;
    const order = orderOf(own);
    const columns = layer.inputs / layer.groups;
    const placed = steps.slice();
    for (let o = 0; o < layer.outputs; o++) {
      for (let c = 0; c < columns; c++) {
        const to = startOf(layer, order, o, c);
        for (let s = 0; s < layer.span; s++) placed[to + s] = steps[(o * layer.span + s) * columns + c]!;
      }
    }
    chosen.set(weights.tensor.name, { steps: placed, scales });
  }
  return chosen;
}

/** Weights of branches and loops, which stay. */
function withinGraphs(nodes: readonly NodeProto[]): { name: string; reason: string }[] {
  return nodes.flatMap((node) =>
    node.attribute.flatMap(({ g, graphs }) =>
      (g === undefined ? graphs : [g, ...graphs]).flatMap((graph) =>
        namesWithin(graph).map((name) => ({
          name,
          reason: `lies within ${node.opType} ${node.name}`.trim(),
        })),
      ),
    ),
  );
}

function namesWithin({ initializer, node }: GraphProto): string[] {
  const constants = node.flatMap((own) => {
    const value = own.opType === 'Constant' ? attribute(own, 'value')?.t : undefined;
    return value !== undefined && isWeights(value) ? [own.output[0]!] : [];
  });
  const inner = node.flatMap(({ attribute: own }) =>
    own.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]).flatMap(namesWithin)),
  );
  return [...initializer.filter(isWeights).map(({ name }) => name), ...constants, ...inner];
}
