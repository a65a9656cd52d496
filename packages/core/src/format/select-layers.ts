import { InputError } from '../errors.js';
import type { FcLayer, Model } from './model-format.js';
import { groupSkipped } from './skipped-groups.js';

/**
 * Finds layers by name or alias. Without any layer, the message says where most of the weights are and why they stay.
 *
 * @param names all layers when left out
 * @returns the layers in the order of the graph, each once
 * @throws InputError `UNSUPPORTED` when the model has no fully connected layer, `UNKNOWN_NAME` for a name that it does not know
 */
export function selectLayers(model: Model, names?: readonly string[]): FcLayer[] {
  if (model.layers.length === 0) {
    const [most, ...others] = groupSkipped(model.skipped);
    const why = most
      ? `${others.length > 0 ? 'most of its weights are in ' : ''}${most.name}: ${most.reason}`
      : 'that takes a product with a constant matrix of floats';
    throw new InputError(
      'UNSUPPORTED',
      `the model has no fully connected layer that can be compressed; ${why}`,
    );
  }
  if (names === undefined) return [...model.layers];
  const chosen = new Set(names.map((name) => findLayer(model, name).name));
  return model.layers.filter((layer) => chosen.has(layer.name));
}

function findLayer(model: Model, name: string): FcLayer {
  const layer =
    model.layers.find((candidate) => candidate.name === name) ??
    model.layers.find((candidate) => candidate.aliases.includes(name));
  if (layer) return layer;
  const skipped = model.skipped.find((candidate) => candidate.name === name);
  if (skipped) throw new InputError('UNSUPPORTED', `layer '${name}' cannot be compressed: ${skipped.reason}`);
  // Quoted where the list would be read wrongly.
  const known = model.layers.map(({ name: own }) => (own.includes(',') ? `"${own}"` : own)).join(', ');
  throw new InputError('UNKNOWN_NAME', `unknown layer '${name}': the model has ${known}`);
}
