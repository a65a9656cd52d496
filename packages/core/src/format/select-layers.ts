import { InputError } from '../errors.js';
import type { FcLayer, Model } from './model-format.js';
import { groupSkipped } from './skipped-groups.js';

/**
 * Finds layers by name or alias. Without any layer, the message says where most of the weights are and why they stay.
 *
 * @param names layers or convolutions; all layers, and no convolution, when left out
 * @returns the layers in the order of the graph, each once
 * @throws InputError `UNSUPPORTED` when the model has no fully connected layer, `UNKNOWN_NAME` for a name that it does not know
 */
export function selectLayers(model: Model, names?: readonly string[]): FcLayer[] {
  const { convolutions } = model;
  if (model.layers.length === 0 && (names === undefined || !convolutions?.layers.length)) {
    const named = convolutions?.layers.map(({ name }) => name) ?? [];
    if (named.length > 0) {
      throw new InputError(
        'UNSUPPORTED',
        `the model has no fully connected layer that can be compressed, but convolutions that are where they are named: ${named.join(', ')}`,
      );
    }
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
  const chosen = names.map((name) => findLayer(model, name));
  const own = new Set(chosen.map(({ name }) => name));
  return offering(model, chosen).layers.filter((layer) => own.has(layer.name));
}

/** The model with all of these layers among its own: those that are convolutions have to be asked for. */
export function offering(model: Model, layers: readonly FcLayer[]): Model {
  const own = new Set(model.layers.map(({ name }) => name));
  const others = layers.flatMap(({ name }) => (own.has(name) ? [] : name));
  return others.length === 0 ? model : model.convolutions!.offer(others);
}

function findLayer(model: Model, name: string): FcLayer {
  const known = [...model.layers, ...(model.convolutions?.layers ?? [])];
  const layer =
    known.find((candidate) => candidate.name === name) ??
    known.find((candidate) => candidate.aliases.includes(name));
  if (layer) return layer;
  const skipped = model.skipped.find((candidate) => candidate.name === name);
  if (skipped) throw new InputError('UNSUPPORTED', `layer '${name}' cannot be compressed: ${skipped.reason}`);
  // Quoted where the list would be read wrongly.
  const names = known.map(({ name: own }) => (own.includes(',') ? `"${own}"` : own)).join(', ');
  throw new InputError('UNKNOWN_NAME', `unknown layer '${name}': the model has ${names}`);
}
