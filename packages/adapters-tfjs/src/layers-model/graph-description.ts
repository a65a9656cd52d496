/** Describes a LayersModel in core's terms: what every layer does to the factors and the order of its features. */
import type { GraphOperation, GraphView, OperationEffect } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { count } from '../artifacts/json.js';
import { sizeOf, type Weights } from '../artifacts/weights.js';
import type { DenseLayer } from './fc-layers.js';
import { featureCount } from './feature-parameters.js';
import { INPUT_LAYER, type LayerDef, type LayerGraph, type TensorRef, tensorName } from './layer-graph.js';
import { channelsLast, holdsLayers, type Shape } from './layer-shapes.js';
import type { LayerWeights } from './layer-weights.js';

const homogeneous: OperationEffect = { type: 'homogeneous' };
const elementwise: OperationEffect = { type: 'elementwise' };
const other = (reason?: string): OperationEffect =>
  reason === undefined ? { type: 'other' } : { type: 'other', reason };

/** Activations by name: whether φ(t·v) = t·φ(v) for t > 0. Those over all features at once are missing. */
const ACTIVATIONS: ReadonlyMap<string, OperationEffect> = new Map([
  ['linear', homogeneous],
  ['relu', homogeneous],
  ...(
    'relu6 elu selu sigmoid hard_sigmoid hardSigmoid tanh softplus softsign swish silu gelu gelu_new geluNew mish ' +
    'exponential'
  )
    .split(' ')
    .map((name): [string, OperationEffect] => [name, elementwise]),
]);
/** Layers that do nothing outside of training. */
const TRAINING_ONLY = new Set([
  'Dropout',
  'SpatialDropout1D',
  'GaussianNoise',
  'GaussianDropout',
  'AlphaDropout',
]);
const KNOWN_OTHERS = new Set(
  (
    'Embedding LSTM GRU SimpleRNN RNN ConvLSTM2D Bidirectional TimeDistributed Concatenate Add Multiply Average Maximum ' +
    'Minimum Dot Permute RepeatVector Softmax LayerNormalization Masking ZeroPadding2D Cropping2D UpSampling2D'
  ).split(' '),
);
const POOLING = /^(?:Global)?(?:Max|Average)Pooling[123]D$/;

/** What a layer's weights and shapes tell about it. */
export interface LayerFacts {
  readonly graph: LayerGraph;
  readonly weights: Weights;
  readonly names: LayerWeights;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly dense: ReadonlyMap<string, DenseLayer>;
  /** Dense layers that are cluster sums. */
  readonly sums: ReadonlySet<string>;
}

/** A layer with an activation of its own is two operations, with the tensor `<layer>/linear` between them. */
export class GraphDescription implements GraphView {
  readonly #facts: LayerFacts;
  readonly #producers = new Map<string, GraphOperation>();
  readonly #uses = new Map<string, number>();
  readonly #makers = new Map<string, { def: LayerDef; input: TensorRef | undefined }>();

  constructor(facts: LayerFacts) {
    this.#facts = facts;
    const { graph } = facts;
    for (const def of graph.layers) {
      def.calls.forEach(({ inputs }, call) => {
        this.#makers.set(tensorName({ layer: def.name, call, tensor: 0 }), { def, input: inputs[0] });
      });
    }
    for (const def of graph.layers) {
      if (def.className === INPUT_LAYER) continue;
      def.calls.forEach(({ inputs }, call) => {
        for (const input of inputs) this.#use(tensorName(input));
        this.#add(def, call, inputs);
      });
    }
    for (const output of graph.outputs) this.#use(tensorName(output));
  }

  producer(tensor: string): GraphOperation | undefined {
    return this.#producers.get(tensor);
  }

  uses(tensor: string): number {
    return this.#uses.get(tensor) ?? 0;
  }

  #use(tensor: string): void {
    this.#uses.set(tensor, (this.#uses.get(tensor) ?? 0) + 1);
  }

  #add(def: LayerDef, call: number, inputs: readonly TensorRef[]): void {
    const { name, className, config } = def;
    const own = call > 0 ? `${name}#${call + 1}` : name;
    const input = inputs[0] ? tensorName(inputs[0]) : '';
    const output = tensorName({ layer: name, call, tensor: 0 });
    const effect = inputs.length === 1 ? this.#effect(def, input) : other('combines several tensors');
    const activation = className === 'Activation' ? undefined : activationName(config);
    const label = className === 'Activation' ? (activationName(config) ?? className) : className;
    if (activation === undefined || activation === 'linear') {
      this.#producers.set(output, { name: own, label, input, effect });
      return;
    }
    const linear = `${output}/linear`;
    this.#producers.set(linear, { name: own, label, input, effect });
    this.#producers.set(output, {
      name: `${own}/${activation}`,
      label: activation,
      input: linear,
      effect: activationEffect(activation),
    });
    this.#use(linear);
  }

  #effect(def: LayerDef, input: string): OperationEffect {
    const { name, className, config, calls } = def;
    if (TRAINING_ONLY.has(className)) return homogeneous;
    if (POOLING.test(className)) return this.#pooling(config, input);
    switch (className) {
      case 'Dense':
        return this.#dense(def);
      case 'Conv1D':
      case 'Conv2D':
      case 'Conv3D':
      case 'SeparableConv2D':
      case 'Conv2DTranspose':
      case 'DepthwiseConv2D':
        return this.#convolution(def, input);
      case 'Activation':
        return activationEffect(activationName(config) ?? '');
      case 'ReLU': {
        const unlimited = config.max_value === null || config.max_value === undefined;
        return unlimited && !config.threshold ? homogeneous : elementwise;
      }
      case 'LeakyReLU':
        return homogeneous;
      case 'ELU':
      case 'ThresholdedReLU':
        return elementwise;
      case 'Rescaling':
        return config.offset === 0 ? homogeneous : elementwise;
      case 'PReLU': {
        const features = featureCount(name, 'alpha', this.#facts.weights, this.#facts.names);
        if (features === undefined) return other('has no slopes');
        if (features === 1) return homogeneous;
        if (calls.length > 1) return other(`is called ${calls.length} times`);
        return { type: 'homogeneous-per-feature', features };
      }
      case 'BatchNormalization':
        return this.#normalization(def, input);
      case 'Flatten':
        return channelsLast(config) ? { type: 'layout', perSample: true } : other('moves the feature axis');
      case 'Reshape':
        if (calls.length > 1) return other(`is called ${calls.length} times`);
        return oneWideAxis(config)
          ? { type: 'layout', perSample: true }
          : other('may split or merge features');
      default:
        if (holdsLayers(config)) return other('holds layers of its own');
        return KNOWN_OTHERS.has(className) ? other() : other('is a custom layer');
    }
  }

  #dense(def: LayerDef): OperationEffect {
    const { name, calls, config } = def;
    if (this.#facts.sums.has(name)) return other('sums the members of clusters');
    const outputs = this.#facts.dense.get(name)?.layer.outputs ?? count(config.units);
    if (outputs === undefined) return other();
    // What is not among the layers cannot be rewritten either.
    const shared = calls.length > 1;
    if (!shared && !this.#facts.dense.has(name)) return other('cannot be rewritten');
    return { type: 'fully-connected', layer: name, outputs, shared };
  }

  #convolution({ name, className, config, calls }: LayerDef, input: string): OperationEffect {
    if (!channelsLast(config)) return other('is channels-first');
    const { shapes, weights, names } = this.#facts;
    const once = calls.length === 1;
    if (className === 'DepthwiseConv2D') {
      const features = featureCount(name, 'depthwise_kernel', weights, names);
      const channels = shapes.get(input)?.at(-1);
      const perChannel = features !== undefined && features === channels && isOneByOne(config);
      if (perChannel && once) return { type: 'affine', features };
      return channels === undefined
        ? other('has filters of unknown number')
        : { type: 'convolution', filters: channels * (count(config.depth_multiplier) ?? 1), foldable: false };
    }
    const filters = count(config.filters);
    if (filters === undefined) return other('has filters of unknown number');
    const foldable = once && className !== 'Conv2DTranspose' && (count(config.groups) ?? 1) === 1;
    return { type: 'convolution', filters, foldable };
  }

  #normalization({ name, config, calls }: LayerDef, input: string): OperationEffect {
    const { weights, names, shapes } = this.#facts;
    const mean = names.find(name, 'moving_mean');
    const stored = mean === undefined ? undefined : weights.get(mean);
    const axis =
      Array.isArray(config.axis) && config.axis.length === 1 ? config.axis[0] : (config.axis ?? -1);
    const rank = shapes.get(input)?.length;
    if (stored === undefined || (axis !== -1 && (rank === undefined || axis !== rank - 1))) {
      return other('normalises another axis');
    }
    if (calls.length > 1) return other(`is called ${calls.length} times`);
    return { type: 'affine', features: sizeOf(stored.spec.shape) };
  }

  /** Pooling keeps channels apart only where the last axis is that of the filters. */
  #pooling(config: JsonObject, input: string): OperationEffect {
    if (!channelsLast(config)) return other('is channels-first');
    for (let tensor = input; ; ) {
      const maker = this.#makers.get(tensor);
      if (maker?.input === undefined || /^(?:.*Conv.*D(?:Transpose)?|Dense)$/.test(maker.def.className))
        break;
      if (/^(?:Reshape|Flatten|Permute|RepeatVector)$/.test(maker.def.className)) {
        return other(`pools what ${maker.def.name} laid out`);
      }
      tensor = tensorName(maker.input);
    }
    return { type: 'pooling' };
  }
}

function activationName({ activation }: JsonObject): string | undefined {
  return typeof activation === 'string' ? activation : undefined;
}

function activationEffect(name: string): OperationEffect {
  return ACTIVATIONS.get(name) ?? other();
}

function oneWideAxis({ target_shape: target }: JsonObject): boolean {
  return Array.isArray(target) && target.filter((size) => size !== 1).length <= 1;
}

function isOneByOne({ kernel_size, strides }: JsonObject): boolean {
  const ones = (value: unknown): boolean =>
    value === undefined || (Array.isArray(value) ? value : [value]).every((size) => size === 1);
  return ones(kernel_size ?? 0) && ones(strides);
}
