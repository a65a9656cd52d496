/** Columns of fully connected layers, and the widths of the same model: what can become smaller of both kinds in one model. */
import { InputError } from '../errors.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { selectLayers } from '../format/select-layers.js';
import { findWidths, type Width } from './find-widths.js';
import { productsPerSample } from './products-per-sample.js';
import { requireFeatures } from './require-features.js';
import { offeredWidths, selectWidths, type WidthsMeant } from './select-widths.js';

/** In the order of the graph, each once. */
export interface Both {
  /** Of one product per sample, which read something else than single neurons: their columns are clustered. */
  readonly layers: readonly FcLayer[];
  /** Not read by those layers, though they may make them: they become narrower. */
  readonly widths: readonly Width[];
}

/** Behind the name of a width that is that of a layer whose columns are clustered as well. */
const NEURONS = ':neurons';

/**
 * All of a model that can become smaller so; either list may be empty. Where each column of a layer is a neuron that may leave, it leaves: with it
 * goes the row that makes it.
 */
export function findBoth(model: Model, meant: WidthsMeant = 'all'): Both {
  const once = productsPerSample(model.graph);
  const offered = offeredWidths(model, meant);
  const layers = model.layers.filter((layer) => once.has(layer.name) && !readsNeurons(model, layer, offered));
  const own = new Set(layers.map(({ name }) => name));
  return { layers, widths: offered.filter(({ consumers }) => !consumers.some((name) => own.has(name))) };
}

const clustered = new WeakMap<Model, ReadonlySet<string>>();

/** Names of the layers whose columns are clustered, aliases among them. Found once per model. */
function namesOfLayers(model: Model): ReadonlySet<string> {
  let names = clustered.get(model);
  if (names === undefined) {
    names = new Set(findBoth(model).layers.flatMap(({ name, aliases }) => [name, ...aliases]));
    clustered.set(model, names);
  }
  return names;
}

/** What a width of a model is called among both. */
export function nameInBoth(model: Model, name: string): string {
  return namesOfLayers(model).has(name) ? `${name}${NEURONS}` : name;
}

/** What both are called, the layers first. */
export function namesOfBoth(model: Model, { layers, widths }: Both): string[] {
  return [...layers.map(({ name }) => name), ...widths.map(({ name }) => nameInBoth(model, name))];
}

/** Ratios by what both are called: those of the layers, and those of the widths by their own names. Without what has none. */
export function ratiosApart(
  model: Model,
  { layers, widths }: Both,
  ratios: ReadonlyMap<string, number>,
): { ofLayers: Map<string, number>; ofWidths: Map<string, number> } {
  const taken = (names: readonly (readonly [name: string, called: string])[]): Map<string, number> =>
    new Map(
      names.flatMap(([name, called]) => (ratios.has(called) ? [[name, ratios.get(called)!] as const] : [])),
    );
  return {
    ofLayers: taken(layers.map(({ name }) => [name, name])),
    ofWidths: taken(widths.map(({ name }) => [name, nameInBoth(model, name)])),
  };
}

/**
 * Finds layers and widths, by name or all.
 *
 * @param names layers and widths of both kinds: a name that may be either is the layer's, and with `:neurons` behind it the width's. All when left out
 * @param meant which widths where none is named
 * @throws InputError `UNSUPPORTED` when nothing is named and the model lacks one of both kinds; as `selectWidths` does for what is no such layer
 */
export function selectBoth(model: Model, names?: readonly string[], meant: WidthsMeant = 'all'): Both {
  requireFeatures(model);
  const all = findBoth(model, meant);
  if (names === undefined) {
    if (all.layers.length > 0 && all.widths.length > 0) return all;
    throw new InputError(
      'UNSUPPORTED',
      all.layers.length === 0
        ? 'the model has no fully connected layer of one product per sample whose columns are more than its neurons: reduce neurons'
        : 'the model has no width that can become narrower beside the columns of its fully connected layers: reduce columns',
      { option: 'reduce' },
    );
  }
  const isLayer = (name: string): boolean => all.layers.some((layer) => isCalled(layer, name));
  const [ofLayers, others] = [names.filter(isLayer), names.filter((name) => !isLayer(name))];
  const widths = others.length > 0 ? selectWidths(model, others.map(ownName(model, all))) : [];
  for (const { name, consumers } of widths) {
    const reader = consumers.find((consumer) => all.layers.some((layer) => layer.name === consumer));
    if (reader !== undefined)
      throw new InputError(
        'UNSUPPORTED',
        `width '${name}' is read by '${reader}', whose columns are clustered: name that layer`,
      );
  }
  return { layers: ofLayers.length > 0 ? selectLayers(model, ofLayers) : [], widths };
}

/** By the name among both, that of the width itself. */
function ownName(model: Model, both: Both): (name: string) => string {
  const { graph, layers } = model;
  return (name) => {
    const named = both.widths.find((width) => nameInBoth(model, width.name) === name);
    if (named !== undefined) return named.name;
    const { widths } = findWidths(graph);
    const known = widths.some(
      ({ name: own, producers, reason }) =>
        reason === undefined && (own === name || producers.includes(name)),
    );
    const layer = known ? undefined : layers.find((own) => isCalled(own, name));
    const read = layer && both.widths.find(({ consumers }) => consumers.includes(layer.name));
    if (read === undefined) return name;
    throw new InputError(
      'UNSUPPORTED',
      `each column of '${name}' is a neuron of width '${nameInBoth(model, read.name)}': name that`,
    );
  };
}

/** Whether each column of a layer is a neuron of a width that may become narrower. */
function readsNeurons({ graph }: Model, { name, inputs }: FcLayer, offered: readonly Width[]): boolean {
  const { features, sets } = findWidths(graph);
  const labels = features.columns.get(name);
  if (labels === undefined) return false;
  const read = new Set([...labels].map((label) => sets.find(label)));
  const free = new Set(
    offered
      .filter(({ consumers }) => consumers.includes(name))
      .flatMap(({ blocks }) => blocks.flatMap((block) => [...block])),
  );
  return read.size === inputs && [...read].every((feature) => free.has(feature));
}

function isCalled(layer: FcLayer, name: string): boolean {
  return layer.name === name || layer.aliases.includes(name);
}
