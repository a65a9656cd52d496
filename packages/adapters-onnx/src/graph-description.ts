/** Describes an ONNX graph in core's terms: what every operation does to the factors and the order of its features. */
import type { GraphOperation, GraphView, OperationEffect } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import type { OnnxLayer } from './fc-layers.js';
import { activationOf, type FeatureAxes, keptAxes } from './feature-axis.js';
import type { GraphIndex } from './graph-index.js';
import { UniqueNames } from './layer-names.js';
import { attribute, intAttribute, intsAttribute, isStandard } from './onnx-protos.js';
import { readsBatchOnly, reshapeForm } from './reshape-forms.js';
import { POOLS, type TensorShapes } from './tensor-shapes.js';
import { dimsOf, floatValues, isFloatType, sizeOf } from './tensor-values.js';

const HOMOGENEOUS = new Set(['Relu', 'LeakyRelu', 'Identity', 'Abs', 'Neg']);
const ELEMENTWISE = new Set(
  (
    'Sigmoid Tanh Gelu Elu Selu Celu Softplus Softsign HardSigmoid HardSwish Swish Mish Erf Sqrt Exp Log Sin Cos ' +
    'Floor Ceil Round Sign ThresholdedRelu Shrink Reciprocal'
  ).split(' '),
);
const CONTRIBUTED = new Set(['Gelu', 'FastGelu', 'QuickGelu']);
const homogeneous: OperationEffect = { type: 'homogeneous' };
const elementwise: OperationEffect = { type: 'elementwise' };
const other = (reason?: string): OperationEffect =>
  reason === undefined ? { type: 'other' } : { type: 'other', reason };

export class GraphDescription implements GraphView {
  readonly #index: GraphIndex;
  readonly #shapes: TensorShapes;
  readonly #axes: FeatureAxes;
  readonly #layers: ReadonlyMap<string, OnnxLayer>;
  readonly #layerInputs: ReadonlySet<string>;
  readonly #names = new Map<NodeProto, string>();
  readonly #nodes = new Map<string, NodeProto>();

  /**
   * @param layers fully connected layers by the tensor that they produce
   * @param names names that operations had in the model this one comes from, by their first output
   */
  constructor(
    index: GraphIndex,
    shapes: TensorShapes,
    axes: FeatureAxes,
    layers: ReadonlyMap<string, OnnxLayer>,
    names: ReadonlyMap<string, string>,
  ) {
    this.#index = index;
    this.#shapes = shapes;
    this.#axes = axes;
    this.#layers = layers;
    this.#layerInputs = new Set([...layers.values()].map(({ layer }) => layer.input));
    const unique = new UniqueNames([...names.values(), ...[...layers.values()].map(({ name }) => name)]);
    for (const node of index.graph.node) {
      const output = node.output.find((name) => name !== '') ?? '';
      const name = names.get(output) ?? unique.add(node.name || output);
      this.#names.set(node, name);
      this.#nodes.set(name, node);
    }
  }

  /** Operations' names by their first output, to be kept by the models made from this one. */
  get operationNames(): ReadonlyMap<string, string> {
    return new Map([...this.#names].map(([node, name]) => [node.output.find((o) => o !== '') ?? '', name]));
  }

  /** The node of an operation that `producer` named. */
  node(operation: string): NodeProto | undefined {
    return this.#nodes.get(operation);
  }

  uses(tensor: string): number {
    const harmless = this.#index.consumers(tensor).filter((node) => readsBatchOnly(this.#index, node)).length;
    return this.#index.uses(tensor) - harmless;
  }

  producer(tensor: string): GraphOperation | undefined {
    const layer = this.#layers.get(tensor);
    const node = this.#index.producer(tensor);
    if (node === undefined || this.#index.constantSource(tensor) !== undefined) return undefined;
    if (layer !== undefined) {
      const { name, outputs, shared, input } = layer.layer;
      const effect: OperationEffect = layer.addsForeign
        ? other('adds a tensor that is no bias of its own')
        : { type: 'fully-connected', layer: name, outputs, shared };
      return { name, label: node.opType, input, effect };
    }
    const input = activationOf(this.#index, node) ?? node.input[0] ?? '';
    let effect = node.output[0] === tensor ? this.#effect(node, input) : other('is read for a second output');
    if (effect.type !== 'other' && this.#layerInputs.has(tensor) && this.#axes.of(tensor)?.at !== 'last') {
      effect = other('does not lead one feature to each column');
    }
    return { name: this.#names.get(node)!, label: node.opType, input, effect };
  }

  #effect(node: NodeProto, input: string): OperationEffect {
    const { opType } = node;
    if (!isStandard(node)) return CONTRIBUTED.has(opType) && node.input.length === 1 ? elementwise : other();
    if (HOMOGENEOUS.has(opType)) return homogeneous;
    if (ELEMENTWISE.has(opType)) return elementwise;
    if (POOLS.has(opType)) return this.#axes.of(input)?.at === 'channel' ? { type: 'pooling' } : other();
    switch (opType) {
      case 'Dropout':
        return this.#dropout(node);
      case 'Clip':
        return this.#clip(node);
      case 'Conv':
        return this.#convolution(node);
      case 'PRelu': {
        const kind = this.#parameter(node.input[1]!, input);
        if (kind === 'scalar') return homogeneous;
        return kind === 'feature'
          ? { type: 'homogeneous-per-feature', features: sizeOf(this.#index.constant(node.input[1]!)!) }
          : other('has slopes that are not per feature');
      }
      case 'Add':
      case 'Sub':
      case 'Mul':
      case 'Div':
      case 'Pow':
      case 'Max':
      case 'Min':
        return this.#arithmetic(node, input);
      case 'BatchNormalization':
        return this.#batchNormalization(node, input);
      case 'Flatten':
        return { type: 'layout', perSample: intAttribute(node, 'axis', 1) === 1 };
      case 'Reshape': {
        const form = reshapeForm(this.#index, this.#shapes, node);
        return form ? { type: 'layout', perSample: form.perSample } : other('may split or merge features');
      }
      case 'Squeeze':
      case 'Unsqueeze':
        return this.#axes.of(node.output[0]!)
          ? { type: 'layout', perSample: true }
          : other('may move the batch');
      case 'Transpose': {
        const kept =
          this.#axes.of(node.output[0]!) !== undefined && intsAttribute(node, 'perm') !== undefined;
        return kept ? homogeneous : other('moves the feature axis');
      }
      default: {
        const kept = keptAxes(this.#index, node, this.#shapes.rank(input));
        if (kept === undefined || this.#axes.of(node.output[0]!) === undefined) return other();
        return this.#axes.of(input)?.at === 'channel' ? { type: 'pooling' } : homogeneous;
      }
    }
  }

  #dropout(node: NodeProto): OperationEffect {
    const training = node.input[2];
    if (!training) return homogeneous;
    const tensor = this.#index.constant(training);
    const off = tensor !== undefined && (tensor.rawData[0] ?? tensor.int32Data[0] ?? 0) === 0;
    return off ? homogeneous : other('may be in training mode');
  }

  /** Clip(min=0) without a maximum is Relu. */
  #clip(node: NodeProto): OperationEffect {
    const bound = (slot: number, name: string, missing: number): number | undefined => {
      const operand = node.input[slot];
      if (!operand) return attribute(node, name)?.f ?? missing;
      const tensor = this.#index.constant(operand);
      return tensor !== undefined && isFloatType(tensor.dataType) ? floatValues(tensor)[0] : undefined;
    };
    const min = bound(1, 'min', -Infinity);
    const max = bound(2, 'max', Infinity);
    const unlimited = max !== undefined && max >= 3.4e38;
    return unlimited && (min === 0 || (min !== undefined && min <= -3.4e38)) ? homogeneous : elementwise;
  }

  #convolution(node: NodeProto): OperationEffect {
    const filters = this.#axes.of(node.output[0]!)?.count;
    if (filters === undefined) return other('has filters of unknown number');
    const own = node.input.slice(1).every((operand) => {
      if (operand === '') return true;
      const tensor = this.#index.constant(operand);
      return tensor !== undefined && isFloatType(tensor.dataType) && this.#index.uses(operand) === 1;
    });
    return { type: 'convolution', filters, foldable: own && intAttribute(node, 'group', 1) === 1 };
  }

  #arithmetic(node: NodeProto, input: string): OperationEffect {
    const { opType } = node;
    const slot = node.input.length === 2 ? node.input.findIndex((name) => this.#index.constant(name)) : -1;
    if (slot < 0 || activationOf(this.#index, node) !== input) return other('combines several tensors');
    const tensor = this.#index.constant(node.input[slot]!)!;
    const kind = this.#parameter(node.input[slot]!, input);
    if (kind === 'scalar') {
      if (opType === 'Mul' || (opType === 'Div' && slot === 1)) return homogeneous;
      const atZero = (opType === 'Max' || opType === 'Min') && floatValues(tensor)[0] === 0;
      return atZero ? homogeneous : elementwise;
    }
    if (kind === 'feature') {
      if (opType === 'Add' || opType === 'Sub') return { type: 'shift', features: sizeOf(tensor) };
      if (opType === 'Mul' || (opType === 'Div' && slot === 1))
        return { type: 'affine', features: sizeOf(tensor) };
    }
    return other('has a constant that is not per feature');
  }

  #batchNormalization(node: NodeProto, input: string): OperationEffect {
    const axis = this.#axes.of(input);
    const inference =
      intAttribute(node, 'training_mode', 0) === 0 && node.output.slice(1).every((name) => !name);
    const vectors = node.input.slice(1).map((name) => this.#index.constant(name));
    const fits = vectors.every(
      (tensor) =>
        tensor !== undefined &&
        isFloatType(tensor.dataType) &&
        (axis?.count === undefined || sizeOf(tensor) === axis.count),
    );
    const onFeatures = axis?.at === 'channel' || (axis?.at === 'last' && axis.rank === 2);
    const features = vectors[0] && sizeOf(vectors[0]);
    return inference && fits && onFeatures && features !== undefined ? { type: 'affine', features } : other();
  }

  /** Whether a constant operand holds one value for all, or one per feature of the tensor it is combined with. */
  #parameter(operand: string, input: string): 'scalar' | 'feature' | undefined {
    const tensor = this.#index.constant(operand);
    if (tensor === undefined || !isFloatType(tensor.dataType)) return undefined;
    const dims = dimsOf(tensor);
    const axis = this.#axes.of(input);
    const rank = axis?.rank ?? this.#shapes.rank(input);
    if (dims.length > Math.max(rank ?? 1, 1)) return undefined;
    const size = sizeOf(tensor);
    if (size === 1) return 'scalar';
    if (axis === undefined || (axis.count !== undefined && axis.count !== size)) return undefined;
    if (axis.at === 'last') return dims.at(-1) === size ? 'feature' : undefined;
    return rank !== undefined && dims.at(1 - rank) === size && dims.length >= rank - 1
      ? 'feature'
      : undefined;
  }
}
