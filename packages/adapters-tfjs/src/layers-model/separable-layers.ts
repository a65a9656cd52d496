/**
 * A SeparableConv2D as two layers that compute the same: nothing can stand between its filters and its product, and the product of one position
 * behind the filters is a convolution whose columns can be clustered.
 */
import type { JsonObject } from '../artifacts/json.js';
import { isFloat, type Weight } from '../artifacts/weights.js';
import { classOf } from './classes/class-table.js';
import { channelsLast } from './classes/shape-rules.js';
import { UniqueNames } from './inner-tensors.js';
import { type LayerDef, outputOf, tensorName } from './layer-graph.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import type { ModelPart } from './split-layers-model.js';

export function isSeparable({ className }: LayerDef): boolean {
  return classOf(className)?.weights === 'separable convolution';
}

/** Its kernels, or why it cannot be two layers, as the end of a sentence. */
function kernelsOf(
  { names, weights, tensors }: Pick<LayersModelFacts, 'names' | 'weights' | 'tensors'>,
  { name, config, calls }: LayerDef,
): readonly [filters: Weight, product: Weight] | string {
  const kernel = (own: string): Weight | undefined => weights.get(names.find(name, own) ?? '');
  const [filters, product] = [kernel('depthwise_kernel'), kernel('pointwise_kernel')];
  if (filters === undefined || product === undefined) return 'its filters are missing';
  const other = [filters, product].find((weight) => !isFloat(weight));
  if (other !== undefined) return `its filters are of type ${other.spec.dtype}`;
  if (calls.length > 1) return `it is called ${calls.length} times, and all calls share its filters`;
  if (!channelsLast(config)) return 'it is channels-first';
  if ([config.dilation_rate ?? 1].flat().some((step) => step !== 1))
    return 'it is dilated, which no DepthwiseConv2D of TensorFlow.js is';
  const input = calls[0]?.inputs[0];
  if (input === undefined || tensors.shapes.get(tensorName(input)) === undefined)
    return 'the shape of its input is unknown';
  const channels = product.spec.shape.at(-2)!;
  const [, , read, each] = filters.spec.shape;
  if (filters.spec.shape.length !== 4 || read! * each! !== channels)
    return 'its filters do not make what its product reads';
  return channels < 2 ? 'it reads one channel' : [filters, product];
}

/** Why the product of a separable convolution is not among the layers. */
export function whyNotApart(
  facts: Pick<LayersModelFacts, 'names' | 'weights' | 'tensors'>,
  def: LayerDef,
): string {
  const kernels = kernelsOf(facts, def);
  return typeof kernels === 'string' ? kernels : 'its product is compressed where it is named';
}

/**
 * A model with some of its separable convolutions as two layers: the filters are called as the feature graph calls them, the product keeps
 * the layer's name.
 *
 * @param wanted names; all that can be, when left out
 * @returns undefined where there are none
 */
export function separablesApart(
  facts: LayersModelFacts,
  wanted?: ReadonlySet<string>,
): ModelPart | undefined {
  const { graph, names } = facts;
  const chosen = graph.layers.filter(
    (def) => isSeparable(def) && wanted?.has(def.name) !== false && typeof kernelsOf(facts, def) !== 'string',
  );
  if (chosen.length === 0) return undefined;
  const weights = new Map(facts.weights);
  const unique = new UniqueNames(graph.layers.map(({ name }) => name));
  const move = (weight: Weight, name: string): void => {
    weights.delete(weight.spec.name);
    weights.set(name, { ...weight, spec: { ...weight.spec, name } });
  };
  const layers = graph.layers.flatMap((def) => {
    if (!chosen.includes(def)) return [def];
    const [filters, product] = kernelsOf(facts, def) as readonly [Weight, Weight];
    const bias = weights.get(names.find(def.name, 'bias') ?? '');
    const own = unique.add(`${def.name}/depthwise`);
    move(filters, `${own}/depthwise_kernel`);
    move(product, `${def.name}/kernel`);
    if (bias !== undefined) move(bias, `${def.name}/bias`);
    return twoLayers(def, own, filters.spec.shape);
  });
  return { graph: { ...graph, layers }, weights };
}

/** @param shape of the filters */
function twoLayers(def: LayerDef, name: string, shape: readonly number[]): LayerDef[] {
  const { batch_input_shape: _, ...config } = def.config;
  const entries = (start: RegExp, renamed: string): JsonObject =>
    Object.fromEntries(
      Object.entries(config).flatMap(([key, value]) =>
        start.test(key) ? [[key.replace(start, renamed), value]] : [],
      ),
    );
  const ones = { strides: [1, 1], padding: 'valid', dilation_rate: [1, 1], data_format: 'channels_last' };
  const filters: LayerDef = {
    ...def,
    name,
    className: 'DepthwiseConv2D',
    config: {
      ...ones,
      ...entries(/^(?=depthwise_|trainable$|dtype$|strides$|padding$)/, ''),
      name,
      kernel_size: shape.slice(0, 2),
      depth_multiplier: shape[3]!,
      activation: 'linear',
      use_bias: false,
    },
  };
  const product: LayerDef = {
    ...def,
    className: 'Conv2D',
    config: {
      ...entries(/^(?!depth|pointwise_)/, ''),
      ...entries(/^pointwise_/, 'kernel_'),
      ...ones,
      kernel_size: [1, 1],
    },
    calls: [{ inputs: [outputOf(name)], options: [{}] }],
  };
  return [filters, product];
}
