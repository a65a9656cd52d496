/** In which order widths become narrower and layers are refitted. */
import type { FeatureGraph } from '../format/feature-flow.js';
import type { Width } from '../widths/find-widths.js';
import { type LayerRead, layerRead } from './layer-reads.js';
import type { NarrowedNetwork } from './narrowed-network.js';
import { featuresOf } from './width-places.js';

/** A width becomes narrower and what reads it is refitted, or a layer is refitted that reads no such width, or another one first. */
export type RefitStep = WidthStep | { readonly width?: undefined; readonly read: LayerRead };

export interface WidthStep {
  readonly width: Width;
}

/** By name, the layers that read features and are not several at once, in the order of the graph. */
export function readingLayers(network: NarrowedNetwork, graph: FeatureGraph): Map<string, LayerRead> {
  const run = new Set(graph.operations.flatMap(({ flow }) => (flow.type === 'layer' ? [flow.layer] : [])));
  const reads = graph.layers
    .filter(({ name, shared }) => !shared && run.has(name) && network.widths.features.columns.has(name))
    .map((layer) => layerRead(graph, layer))
    .sort((a, b) => a.at - b.at);
  return new Map(reads.map((read) => [read.layer.name, read]));
}

/**
 * Steps in the order of the graph, so that every layer is refitted to what reaches it in the end: a width's is at the first layer that reads it, and
 * every other layer behind the first of them has one of its own.
 *
 * @param others layers that are to be refitted wherever what they read has changed
 * @returns with the first operation that each step or one behind it may change
 */
export function refitSteps(
  network: NarrowedNetwork,
  graph: FeatureGraph,
  widths: readonly Width[],
  reads: ReadonlyMap<string, LayerRead>,
  others: readonly LayerRead[],
): Map<RefitStep, number> {
  const places = firstPlaces(network, graph);
  const begun = new Map(
    widths.map((width) => [width, Math.min(...featuresOf(width).map((feature) => places.get(feature) ?? 0))]),
  );
  const firstRead = new Map(
    widths.map((width) => [width, Math.min(...width.consumers.map((name) => reads.get(name)!.at))]),
  );
  const refitted = new Set(firstRead.values());
  const placeOf = (step: RefitStep): number => {
    if (step.width === undefined) return step.read.at;
    const at = firstRead.get(step.width)!;
    return at < Number.POSITIVE_INFINITY ? at : begun.get(step.width)!;
  };
  const narrowed = widths.map((width): RefitStep => ({ width }));
  const first = Math.min(...narrowed.map(placeOf));
  const settled = others.filter(({ at }) => at > first && !refitted.has(at));
  const steps = [...narrowed, ...settled.map((read): RefitStep => ({ read }))].sort(
    (a, b) => placeOf(a) - placeOf(b),
  );
  let start = Number.POSITIVE_INFINITY;
  const starts = steps.toReversed().map((step): [RefitStep, number] => {
    start = Math.min(start, step.width === undefined ? step.read.at : begun.get(step.width)!);
    return [step, start];
  });
  return new Map(starts.toReversed());
}

/**
 * By feature, the place of the first operation that makes a tensor with it. That need not be a layer: features of a residual width may begin
 * as the zeros of a Pad.
 */
function firstPlaces(
  { widths: { features, sets } }: NarrowedNetwork,
  graph: FeatureGraph,
): Map<number, number> {
  const places = new Map<number, number>();
  for (const [at, { outputs }] of graph.operations.entries()) {
    for (const label of outputs.flatMap((name) => [...(features.tensors.get(name)?.ids ?? [])])) {
      if (label < 0) continue;
      const feature = sets.find(label);
      if (!places.has(feature)) places.set(feature, at);
    }
  }
  return places;
}
