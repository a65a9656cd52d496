/** Fully connected layers, and the widths beside them: what can become smaller of both kinds in one model. */
import { InputError } from '../errors.js';
import type { FcLayer, Model } from '../format/model-format.js';
import { selectLayers } from '../format/select-layers.js';
import type { Width } from './find-widths.js';
import { productsPerSample } from './products-per-sample.js';
import { requireFeatures } from './require-features.js';
import { offeredWidths, selectWidths, type WidthsMeant } from './select-widths.js';

/** In the order of the graph, each once. */
export interface Both {
  /** Of one product per sample: their columns are clustered. */
  readonly layers: readonly FcLayer[];
  /** Neither made nor read by the model's layers of one product per sample: they become narrower. */
  readonly widths: readonly Width[];
}

/** All of a model that can become smaller so; either list may be empty. */
export function findBoth(model: Model, meant: WidthsMeant = 'all'): Both {
  const once = productsPerSample(model.graph);
  const layers = model.layers.filter(({ name }) => once.has(name));
  const own = new Set(layers.map(({ name }) => name));
  const widths = offeredWidths(model, meant).filter(
    ({ producers, consumers }) => ![...producers, ...consumers].some((name) => own.has(name)),
  );
  return { layers, widths };
}

/**
 * Finds layers and widths, by name or all.
 *
 * @param names layers of one product per sample, or widths that those neither make nor read: a name that may be either is the layer's. All when left out
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
        ? 'the model has no fully connected layer of one product per sample beside its widths: reduce neurons'
        : 'the model has no width that can become narrower and that no fully connected layer makes or reads: reduce columns',
      { option: 'reduce' },
    );
  }
  const isLayer = (name: string): boolean =>
    all.layers.some((layer) => layer.name === name || layer.aliases.includes(name));
  const [ofLayers, ofWidths] = [names.filter(isLayer), names.filter((name) => !isLayer(name))];
  const widths = ofWidths.length > 0 ? selectWidths(model, ofWidths) : [];
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
