/** What classes do to the factors and the order of the features that pass them. */
import { ELEMENTWISE, HOMOGENEOUS, LINEAR, type OperationEffect, stops } from '@spherize/core';
import { count, type Json } from '../../artifacts/json.js';
import { activationEffect, activationName } from './activations.js';
import type { EffectRule, Place, Shape } from './layer-class.js';
import { channelPlace, wideAxes } from './place-rules.js';
import { channelsLast, product } from './shape-rules.js';

/** Where an axis of the configuration lies, which may be counted from the front or from the back; several in any order. */
function placesOf(axis: Json | undefined, missing: number, input: Shape | undefined): Place[] {
  return (Array.isArray(axis) ? axis : [axis ?? missing]).map((value) => {
    if (typeof value !== 'number') return undefined;
    return value < 0 ? -1 - value : input && input.length - 1 - value;
  });
}

/** Changes with a rule only what is called once, as all calls share its weights or its configuration. */
function calledOnce(rule: EffectRule): EffectRule {
  return (facts) => {
    const { length } = facts.def.calls;
    return length > 1 ? stops(`is called ${length} times`) : rule(facts);
  };
}

/** A function of every channel, such as means of its values, or the largest: factors, and sums, pass where features are channels. */
export function perChannel(
  reason: string,
  effect: OperationEffect,
  channels: typeof channelPlace = channelPlace,
): EffectRule {
  return ({ def, input, before }) =>
    before !== undefined && before === channels(def.config, input) ? effect : stops(reason);
}

/** Moves axes; features are led on where it is known where they go. */
export const moves: EffectRule = ({ after }) =>
  after === undefined ? stops('moves the features to an axis that is not followed') : LINEAR;

export const flattens: EffectRule = ({ def, input }) =>
  channelsLast(def.config) || (input && wideAxes(input.slice(1)).length <= 1)
    ? { type: 'layout', perSample: true }
    : stops('moves the feature axis');

export const reshapes: EffectRule = calledOnce(({ after }) =>
  after === undefined ? stops('may split or merge features') : { type: 'layout', perSample: true },
);

export const activates: EffectRule = ({ def, before }) =>
  activationEffect(activationName(def.config) ?? 'linear', before);

export const rectifies: EffectRule = ({ def: { config } }) =>
  (config.max_value === null || config.max_value === undefined) && !config.threshold
    ? HOMOGENEOUS
    : ELEMENTWISE;

export const rescales: EffectRule = ({ def: { config } }) => {
  if (Array.isArray(config.scale) || Array.isArray(config.offset)) return stops('has a factor per feature');
  return config.offset ? ELEMENTWISE : LINEAR;
};

/** Multiplies by 0 where all features are; sums may be 0 elsewhere too, which the mask would say. */
export const masks: EffectRule = ({ def: { config } }) =>
  config.mask_value ? stops('compares all features with its value') : HOMOGENEOUS;

/** Slopes that differ from place to place, but not between features, are left alone: the backends of TensorFlow.js disagree about them. */
export const slopes: EffectRule = (facts) => {
  const alpha = facts.weight('alpha');
  if (alpha === undefined) return stops('has no slopes');
  const features = facts.before === undefined ? 1 : (alpha.at(-1 - facts.before) ?? 1);
  if (features > 1) return calledOnce(() => ({ type: 'homogeneous-per-feature', features }))(facts);
  return product(alpha) === 1 ? HOMOGENEOUS : stops('has slopes that are not per feature');
};

export const softmax: EffectRule = ({ def, input, before }) => {
  const axes = placesOf(def.config.axis, 1, input);
  return before === undefined || axes.includes(before) || axes.includes(undefined)
    ? stops('sums over a whole axis')
    : ELEMENTWISE;
};

/** A product by the table of layers alone: what is not among them cannot be rewritten. */
export const multiplies: EffectRule = ({ def: { name, config, calls } }) =>
  calls.length > 1
    ? { type: 'fully-connected', layer: name, outputs: count(config.units) ?? 0, shared: true }
    : stops('cannot be rewritten');

export const convolves: EffectRule = ({ def: { config, calls } }) => {
  if (!channelsLast(config)) return stops('is channels-first');
  const filters = count(config.filters);
  if (filters === undefined) return stops('has filters of unknown number');
  return { type: 'convolution', filters, foldable: calls.length === 1 && (count(config.groups) ?? 1) === 1 };
};

/** One filter per channel is a linear function of it, with a bias. */
export const convolvesEach: EffectRule = (facts) => {
  const [, , channels, multiplier] = facts.weight('depthwise_kernel') ?? [];
  if (!channelsLast(facts.def.config)) return stops('is channels-first');
  if (channels === undefined || multiplier === undefined) return stops('has filters of unknown number');
  return multiplier === 1 && facts.before === 0
    ? calledOnce(() => ({ type: 'affine', features: channels }))(facts)
    : { type: 'convolution', filters: channels * multiplier, foldable: false };
};

/** γ and β of each feature behind its own mean and variance. The backends of TensorFlow.js disagree about other axes than the last. */
export const normalisesBatches: EffectRule = (facts) => {
  const features = facts.weight('moving_mean')?.[0];
  const axes = placesOf(facts.def.config.axis, -1, facts.input);
  if (features === undefined || facts.before !== 0 || axes.some((axis) => axis !== 0)) {
    return stops('normalises another axis');
  }
  return calledOnce(() => ({ type: 'affine', features }))(facts);
};

/** γ and β take factors where there is one for each of the features. */
export const normalisesFeatures: EffectRule = (facts) => {
  const { def, input, before } = facts;
  const axes = placesOf(def.config.axis, -1, input);
  if (before !== undefined && !axes.includes(before) && !axes.includes(undefined)) return ELEMENTWISE;
  const features = (facts.weight('gamma') ?? facts.weight('beta'))?.[0];
  if (features === undefined || axes.length > 1 || axes[0] !== before) {
    return stops('normalises over all features');
  }
  return calledOnce(() => ({ type: 'normalization', features }))(facts);
};
