/** A width with the layers that make it and those that read it, where every value between them comes of one value that a layer gives. */
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

export interface WidthBlock {
  readonly makers: readonly BlockLayer[];
  readonly readers: readonly BlockLayer[];
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
  const makers: BlockLayer[] = [];
  const readers: BlockLayer[] = [];
  /** Tensors that come of what the makers give, one value of one value. */
  const hidden = new Set<string>();
  const within = new Set<string>();
  for (const { flow, inputs, outputs, partOf } of graph.operations) {
    if (partOf !== undefined) for (const tensor of outputs) within.add(tensor);
    if (
      flow.type === 'layer' &&
      (producers.includes(flow.layer) || inputs.some((name) => hidden.has(name)))
    ) {
      const layer = layers.get(flow.layer)!;
      const reading = { axis: flow.reads, window: layer.window };
      const own = { layer, reading, input: inputs[0]!, output: outputs[0]!, makes: flow.makes };
      const laidOut = layer.groups === 1 && !layer.shared && (layer.span === 1 || layer.window !== undefined);
      if (!laidOut || inputs.length !== 1) return undefined;
      if (!producers.includes(flow.layer)) readers.push(own);
      else if (hidden.has(own.input)) return undefined;
      else {
        makers.push(own);
        hidden.add(own.output);
      }
      continue;
    }
    if (flow.type === 'sizes' || !inputs.some((name) => hidden.has(name))) continue;
    if (flow.type !== 'elementwise' || !inputs.every((name) => hidden.has(name))) return undefined;
    for (const tensor of outputs) hidden.add(tensor);
  }
  const complete = makers.length > 0 && readers.length > 0 && readers.length === new Set(consumers).size;
  const apart =
    makers.every(({ output }) => !within.has(output) || resumesWithin(output)) &&
    readers.every(({ input }) => !within.has(input));
  return complete && apart ? { makers, readers } : undefined;
}
