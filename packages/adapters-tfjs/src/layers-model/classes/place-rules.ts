/** Where classes leave the features of what they read. */
import type { JsonObject } from '../../artifacts/json.js';
import type { Place, PlaceRule, Shape } from './layer-class.js';
import { channelsLast } from './shape-rules.js';

/** Where a layer looks for channels in what it reads. */
export function channelPlace(config: JsonObject, input: Shape | undefined): Place {
  return channelsLast(config) ? 0 : input && input.length - 2;
}

/** The same for layers that are channels-last whatever their configuration says. */
export const lastPlace = (): Place => 0;

export const keepsPlace: PlaceRule = ({ before }) => before;

/** Layers that move, pool or pad along other axes than that of the channels. */
export function keepsChannels(channels: typeof channelPlace = channelPlace): PlaceRule {
  return ({ def, input, before }) => (before === channels(def.config, input) ? before : undefined);
}

/** Layers that leave nothing but the channels. */
export function leavesChannels(channels: typeof channelPlace = channelPlace): PlaceRule {
  return ({ def, input, before }) => (before === channels(def.config, input) ? 0 : undefined);
}

export const permutes: PlaceRule = ({ def: { config }, before }) => {
  if (!Array.isArray(config.dims) || before === undefined) return undefined;
  const now = config.dims.indexOf(config.dims.length - before);
  return now < 0 ? undefined : config.dims.length - 1 - now;
};

/** All that a sample holds on one axis, or the last axis as it was. */
export const reshapes: PlaceRule = ({ def: { config }, input, output, before }) => {
  const target = config.target_shape;
  if (!Array.isArray(target)) return undefined;
  const wide = wideAxes(target);
  if (wide.length <= 1) return target.length - 1 - (wide[0] ?? target.length - 1);
  const features = input?.at(-1);
  return before === 0 && features !== undefined && features === output?.at(-1) ? 0 : undefined;
};

/** The axes that hold more than one value, or may. */
export function wideAxes(sizes: readonly unknown[]): number[] {
  return sizes.flatMap((size, axis) => (size === 1 ? [] : [axis]));
}
