/** Describes a graph model in core's terms: what every node does to the factors and the order of its features. */
import type { GraphOperation, GraphView, OperationEffect } from '@spherize/core';
import { floatValues, isFloat, sizeOf } from '../artifacts/weights.js';
import type { MatMulLayer } from './fc-layers.js';
import type { GraphIndex } from './graph-index.js';
import { channelsLast, fusedOperations, integers, isWellFused, type NodeDef } from './node-def.js';

const homogeneous: OperationEffect = { type: 'homogeneous' };
const elementwise: OperationEffect = { type: 'elementwise' };
const other = (reason?: string): OperationEffect =>
  reason === undefined ? { type: 'other' } : { type: 'other', reason };

const HOMOGENEOUS = new Set(['Relu', 'LeakyRelu', 'Identity', 'StopGradient', 'Abs', 'Neg']);
const ELEMENTWISE = new Set(
  (
    'Relu6 Elu Selu Sigmoid Tanh Softplus Softsign Exp Log Erf Sqrt Rsqrt Square Sin Cos Floor Ceil Round Sign ' +
    'ClipByValue Reciprocal'
  ).split(' '),
);
const CONVOLUTIONS = new Set(['Conv2D', '_FusedConv2D', 'Conv1D', 'Conv3D']);
const DEPTHWISE = new Set(['DepthwiseConv2dNative', 'DepthwiseConv2d', 'FusedDepthwiseConv2dNative']);
const NORMALISATIONS = new Set(['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3']);
const LAYS_OUT = new Set(['Reshape', 'Transpose', 'ExpandDims', 'Squeeze']);

/** A fused node is its product with the bias, named like the node, and its activation behind the tensor `<node>/linear`. */
export class GraphDescription implements GraphView {
  readonly #index: GraphIndex;
  readonly #layers: ReadonlyMap<string, MatMulLayer>;

  /** @param layers by the node that makes their output, and by the tensor before a fused activation */
  constructor(index: GraphIndex, layers: readonly MatMulLayer[]) {
    this.#index = index;
    this.#layers = new Map(layers.map((layer) => [layer.linear, layer]));
  }

  uses(tensor: string): number {
    return tensor.endsWith('/linear') && this.#index.node(tensor) === undefined
      ? 1
      : this.#index.uses(tensor);
  }

  producer(tensor: string): GraphOperation | undefined {
    const layer = this.#layers.get(tensor);
    if (layer !== undefined) {
      const { name, outputs, shared, input } = layer.layer;
      return {
        name,
        label: layer.node.op,
        input,
        effect: { type: 'fully-connected', layer: name, outputs, shared },
      };
    }
    const inner = tensor.endsWith('/linear')
      ? this.#index.node(tensor.slice(0, -'/linear'.length))
      : undefined;
    const node = this.#index.node(tensor) ?? inner;
    if (node === undefined || this.#index.constant(tensor) !== undefined) return undefined;
    if (node.op.startsWith('Placeholder')) return undefined;
    const { activation } = fusedOperations(node);
    if (activation !== undefined && node !== inner) {
      return {
        name: `${node.name}/${activation}`,
        label: activation,
        input: `${node.name}/linear`,
        effect: this.#fusedActivation(node, activation),
      };
    }
    const input = this.#index.activation(node) ?? node.input[0] ?? '';
    return { name: node.name, label: node.op, input, effect: this.#effect(node) };
  }

  #fusedActivation(node: NodeDef, activation: string): OperationEffect {
    if (activation !== 'Prelu') return HOMOGENEOUS.has(activation) ? homogeneous : elementwise;
    const features = this.#perFeature(node.input[fusedOperations(node).bias ? 3 : 2]);
    return features === undefined
      ? other('has slopes that are not per feature')
      : { type: 'homogeneous-per-feature', features };
  }

  #effect(node: NodeDef): OperationEffect {
    const { op } = node;
    const combined = this.#index.activation(node) === undefined;
    if (combined) return other('combines several tensors');
    if (HOMOGENEOUS.has(op)) return homogeneous;
    if (ELEMENTWISE.has(op)) return elementwise;
    if (CONVOLUTIONS.has(op)) {
      if (op === '_FusedConv2D' && !isWellFused(node))
        return other('has operands that do not fit what is fused');
      return this.#convolution(node);
    }
    if (DEPTHWISE.has(op)) {
      const shape = this.#index.constant(node.input[1])?.weight.spec.shape ?? [];
      const filters = (shape[2] ?? 0) * (shape[3] ?? 1);
      return filters > 0 ? { type: 'convolution', filters, foldable: false } : other();
    }
    if (NORMALISATIONS.has(op)) return this.#normalisation(node);
    switch (op) {
      case 'MatMul':
      case '_FusedMatMul':
        return other('cannot be rewritten');
      case 'BiasAdd':
      case 'Add':
      case 'AddV2':
      case 'Sub':
        return this.#withConstant(node, 'shift', elementwise);
      case 'Mul':
      case 'RealDiv':
      case 'Div':
        if (op !== 'Mul' && this.#index.constant(node.input[1]) === undefined) return elementwise;
        return this.#withConstant(node, 'affine', homogeneous);
      case 'Maximum': {
        const bound = this.#index.constant(node.input[1]) ?? this.#index.constant(node.input[0]);
        const zero =
          bound && isFloat(bound.weight) && floatValues(bound.weight).every((value) => value === 0);
        return zero ? homogeneous : other('has a bound');
      }
      case 'Prelu': {
        const features = this.#perFeature(node.input[1]);
        if (features === undefined) return other('has slopes that are not per feature');
        return features === 1 ? homogeneous : { type: 'homogeneous-per-feature', features };
      }
      case 'MaxPool':
      case 'AvgPool':
        return this.#pooling(node, channelsLast(node));
      case 'Mean':
      case 'Max': {
        const axes = this.#index.integers(node.input[1]) ?? [];
        return this.#pooling(node, axes.length > 0 && axes.every((axis) => axis === 1 || axis === 2));
      }
      case 'Squeeze': {
        const axes = integers(node, 'squeeze_dims');
        const spatial = axes.length > 0 && axes.every((axis) => axis === 1 || axis === 2);
        return spatial ? { type: 'layout', perSample: true } : other('may move the features');
      }
      case 'Reshape':
        return this.#reshape(node);
      default:
        return other();
    }
  }

  #convolution(node: NodeDef): OperationEffect {
    const filters = this.#index.constant(node.input[1]);
    const count = filters?.weight.spec.shape.at(-1);
    if (filters === undefined || count === undefined) return other('has filters of unknown number');
    if (!channelsLast(node)) return other('is channels-first');
    const own = node.input.slice(1).every((name) => {
      const source = this.#index.constant(name);
      return source !== undefined && isFloat(source.weight) && !this.#index.isShared(source);
    });
    return { type: 'convolution', filters: count, foldable: own };
  }

  #normalisation(node: NodeDef): OperationEffect {
    const counts = node.input.slice(1, 5).map((name) => this.#perFeature(name));
    const [features] = counts;
    const fits = features !== undefined && counts.every((count) => count === features);
    return fits && channelsLast(node) ? { type: 'affine', features } : other();
  }

  #withConstant(node: NodeDef, perFeature: 'shift' | 'affine', scalar: OperationEffect): OperationEffect {
    const name = node.input.find((input) => this.#index.constant(input) !== undefined);
    const features = this.#perFeature(name);
    if (features === undefined) return other('has a constant that is not per feature');
    if (node.op === 'Sub' && name === node.input[0]) return other('subtracts from a constant');
    return features === 1 ? scalar : { type: perFeature, features };
  }

  #pooling(node: NodeDef, apart: boolean): OperationEffect {
    if (!apart) return other('mixes features');
    for (let tensor = node.input[0]; tensor !== undefined; ) {
      const maker = this.#index.producer(tensor);
      if (maker === undefined || CONVOLUTIONS.has(maker.op) || maker.op === 'NextIteration') break;
      if (LAYS_OUT.has(maker.op)) return other(`pools what ${maker.name} laid out`);
      tensor = this.#index.activation(maker);
    }
    return { type: 'pooling' };
  }

  #reshape(node: NodeDef): OperationEffect {
    const target = this.#index.integers(node.input[1]);
    if (target === undefined) return other('has a computed shape');
    const wide = target.slice(1).filter((size) => size !== 1);
    // Batch first: what a sample keeps to itself is not known without the shape before.
    return wide.length <= 1 && target[0] === -1
      ? { type: 'layout', perSample: false }
      : other('may split or merge features');
  }

  /** Number of values of a constant that holds one for all, or one per feature on the last axis. */
  #perFeature(tensor: string | undefined): number | undefined {
    const source = this.#index.constant(tensor);
    if (source === undefined || !isFloat(source.weight)) return undefined;
    const { shape } = source.weight.spec;
    const size = sizeOf(shape);
    return size === 1 || shape.at(-1) === size ? size : undefined;
  }
}
