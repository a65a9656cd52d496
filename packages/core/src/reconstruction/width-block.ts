/** A width with the layers that make it and those that read it, where nothing but operations on single values and depthwise convolutions lie between. */
import type { LayerReading } from '../calibration/layer-rows.js';
import type { FeatureGraph, FeatureLayer } from '../format/feature-flow.js';
import type { Width } from '../widths/find-widths.js';

export interface BlockLayer {
  readonly layer: FeatureLayer;
  readonly reading: LayerReading;
  readonly input: string;
  readonly output: string;
  /** The axis of what it makes, counted from the end. */
  readonly makes: number;
}

/** One filter for each feature. */
export interface DepthwiseLayer {
  readonly layer: FeatureLayer;
  readonly input: string;
  readonly output: string;
  /** That of the features, counted from the end. */
  readonly axis: number;
}

export interface WidthBlock {
  readonly makers: readonly BlockLayer[];
  readonly readers: readonly BlockLayer[];
  /** Depthwise convolutions between them, one behind the other. */
  readonly depthwise: readonly DepthwiseLayer[];
}

/**
 * The block of a width; undefined where something else lies between its layers, or one of them cannot be laid out as a product over rows.
 *
 * @param resumesWithin as of `ModelFeatures`
 */
export function widthBlock(
  graph: FeatureGraph,
  { producers, consumers }: Width,
  resumesWithin: (tensor: string) => boolean = () => false,
): WidthBlock | undefined {
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const block = {
    makers: [] as BlockLayer[],
    readers: [] as BlockLayer[],
    depthwise: [] as DepthwiseLayer[],
  };
  const { makers, readers, depthwise } = block;
  /** Tensors that come of what the makers, or the last depthwise convolution, give, value by value; and those before it. */
  let hidden = new Set<string>();
  const passed = new Set<string>();
  const within = new Set<string>();
  for (const { flow, inputs, outputs, partOf } of graph.operations) {
    if (partOf !== undefined) for (const tensor of outputs) within.add(tensor);
    const made = flow.type === 'layer' && producers.includes(flow.layer);
    const reads = inputs.some((name) => hidden.has(name));
    if (flow.type === 'sizes' || !(made || reads || inputs.some((name) => passed.has(name)))) continue;
    if (inputs.some((name) => passed.has(name))) return undefined;
    const [input, output] = [inputs[0]!, outputs[0]!];
    if (flow.type === 'layer') {
      const layer = layers.get(flow.layer)!;
      if (layer.groups !== 1 || !isLaidOut(layer) || inputs.length !== 1) return undefined;
      const reading = { axis: flow.reads, window: layer.window };
      (made ? makers : readers).push({ layer, reading, input, output, makes: flow.makes });
      if (!made) continue;
      if (reads || depthwise.length > 0) return undefined;
      hidden.add(output);
    } else if (flow.type === 'depthwise') {
      const layer = layers.get(flow.layer)!;
      if (flow.multiplier !== 1 || !isLaidOut(layer) || readers.length > 0) return undefined;
      depthwise.push({ layer, input, output, axis: flow.axis });
      for (const tensor of hidden) passed.add(tensor);
      hidden = new Set([output]);
    } else {
      if (flow.type !== 'elementwise' || !inputs.every((name) => hidden.has(name))) return undefined;
      for (const tensor of outputs) hidden.add(tensor);
    }
  }
  const complete = makers.length > 0 && readers.length > 0 && readers.length === new Set(consumers).size;
  const apart =
    [...makers, ...depthwise].every(({ output }) => !within.has(output) || resumesWithin(output)) &&
    [...readers, ...depthwise].every(({ input }) => !within.has(input));
  return complete && apart ? block : undefined;
}

/** Whether what it reads can be laid out as rows, for it alone. */
function isLaidOut({ shared, span, window }: FeatureLayer): boolean {
  return !shared && (span === 1 || window !== undefined);
}
