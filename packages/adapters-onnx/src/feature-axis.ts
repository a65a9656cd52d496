/** Where the features of a tensor lie, found by walking upstream to what made them. */
import type { NodeProto } from 'onnx-buf';
import type { OnnxLayer } from './fc-layers.js';
import type { GraphIndex } from './graph-index.js';
import { intAttribute, intsAttribute, isStandard } from './onnx-protos.js';
import { reshapeForm } from './reshape-forms.js';
import type { TensorShapes } from './tensor-shapes.js';

/** `last`: the last axis. `channel`: axis 1 of `rank` axes, with the spatial axes behind it. */
export interface FeatureAxis {
  readonly at: 'last' | 'channel';
  readonly count: number | undefined;
  readonly rank: number | undefined;
}

/** Operators that neither move features nor change their number, read through their only activation. */
const KEEPS_PLACE = new Set(
  (
    'Relu LeakyRelu PRelu Identity Dropout Abs Neg Clip Sigmoid Tanh Gelu FastGelu QuickGelu Elu Selu Celu Softplus ' +
    'Softsign HardSigmoid HardSwish Swish Mish Erf Sqrt Exp ThresholdedRelu BatchNormalization Add Sub Mul Div Pow ' +
    'Max Min MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool'
  ).split(' '),
);
const POOLS = /Pool$/;

export class FeatureAxes {
  readonly #index: GraphIndex;
  readonly #shapes: TensorShapes;
  readonly #layers: ReadonlyMap<string, OnnxLayer>;
  readonly #known = new Map<string, FeatureAxis | undefined>();

  /** @param layers fully connected layers by the tensor that they produce */
  constructor(index: GraphIndex, shapes: TensorShapes, layers: ReadonlyMap<string, OnnxLayer>) {
    this.#index = index;
    this.#shapes = shapes;
    this.#layers = layers;
    for (const { output } of index.graph.node) for (const name of output) this.of(name);
  }

  of(tensor: string): FeatureAxis | undefined {
    if (!this.#known.has(tensor)) this.#known.set(tensor, this.#find(tensor));
    return this.#known.get(tensor);
  }

  #find(tensor: string): FeatureAxis | undefined {
    const rank = this.#shapes.rank(tensor);
    const layer = this.#layers.get(tensor);
    if (layer !== undefined) return { at: 'last', count: layer.layer.outputs, rank };
    const node = this.#index.producer(tensor);
    if (node === undefined || node.output[0] !== tensor) return undefined;
    if (node.opType === 'Conv' && isStandard(node)) {
      const count = this.#shapes.shape(node.input[1]!)?.[0];
      return { at: 'channel', count, rank: rank ?? this.#shapes.rank(node.input[1]!) };
    }
    const input = activationOf(this.#index, node);
    const before = input === undefined ? undefined : this.of(input);
    if (before === undefined) return undefined;
    if (KEEPS_PLACE.has(node.opType))
      return POOLS.test(node.opType) && before.at === 'last' ? undefined : before;
    return this.#moved(node, before);
  }

  #moved(node: NodeProto, before: FeatureAxis): FeatureAxis | undefined {
    const { at, count, rank } = before;
    switch (node.opType) {
      case 'Flatten': {
        if (intAttribute(node, 'axis', 1) !== 1) return undefined;
        return { at: 'last', count: at === 'last' && rank === 2 ? count : undefined, rank: 2 };
      }
      case 'Reshape': {
        const form = reshapeForm(this.#index, this.#shapes, node);
        if (form === undefined) return undefined;
        const same = at === 'last' && rank === 2 ? count : undefined;
        return {
          at: form.axis === form.rank - 1 ? 'last' : 'channel',
          count: form.features ?? same,
          rank: form.rank,
        };
      }
      case 'Squeeze': {
        const axes = this.#index.axes(node);
        if (axes === undefined || rank === undefined) return undefined;
        const gone = new Set(axes.map((axis) => (axis + rank) % rank));
        const features = at === 'channel' ? 1 : rank - 1;
        if (gone.has(0) || gone.has(features)) return undefined;
        return gone.size === rank - 2 ? { at: 'last', count, rank: 2 } : undefined;
      }
      case 'Unsqueeze': {
        const axes = this.#index.axes(node);
        if (axes === undefined || rank !== 2 || at !== 'last') return undefined;
        const wide = rank + axes.length;
        const places = axes.map((axis) => (axis + wide) % wide).sort((a, b) => a - b);
        return places.every((place, i) => place === i + 2) ? { at: 'channel', count, rank: wide } : undefined;
      }
      case 'Transpose': {
        const perm = intsAttribute(node, 'perm');
        const feature = at === 'last' ? (perm?.length ?? 0) - 1 : 1;
        return perm?.[feature] === feature && perm[0] === 0 ? before : undefined;
      }
      default: {
        const kept = keptAxes(this.#index, node, rank);
        if (kept === undefined || rank === undefined) return undefined;
        const feature = at === 'last' ? rank - 1 : 1;
        if (!kept.has(feature) || !kept.has(0)) return undefined;
        if (intAttribute(node, 'keepdims', 1) === 1) return before;
        return kept.size === 2 || at === 'last' ? { at: 'last', count, rank: kept.size } : undefined;
      }
    }
  }
}

/** The axes over which a ReduceMean, ReduceMax or ReduceSum does not reduce. */
export function keptAxes(
  index: GraphIndex,
  node: NodeProto,
  rank: number | undefined,
): ReadonlySet<number> | undefined {
  if (!/^Reduce(?:Mean|Max|Sum)$/.test(node.opType) || !isStandard(node)) return undefined;
  const axes = index.axes(node);
  if (rank === undefined || axes === undefined || axes.length === 0) return undefined;
  const kept = new Set(Array.from({ length: rank }, (_, axis) => axis));
  for (const axis of axes) kept.delete((axis + rank) % rank);
  return kept;
}

/** The one input of a node that is no constant, or the first one of an operator with parameters. */
export function activationOf(index: GraphIndex, node: NodeProto): string | undefined {
  if (!/^(?:Add|Sub|Mul|Div|Pow|Max|Min)$/.test(node.opType)) return node.input[0];
  const varying = node.input.filter((name) => index.constantSource(name) === undefined);
  return varying.length === 1 && node.input.length === 2 ? varying[0] : undefined;
}
