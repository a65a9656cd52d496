/** How features move through classes, as `FeatureFlow` says it. */
import type { FeatureFlow } from '@spherize/core';
import type { Json } from '../../artifacts/json.js';
import { activationFlow, activationName } from './activations.js';
import type { FeatureParameter, FlowFacts, FlowRule, KernelLayout } from './layer-class.js';
import { channelsLast } from './shape-rules.js';

const APART: FeatureFlow = { type: 'elementwise', constants: [] };

function stopped(reason: string): FeatureFlow {
  return { type: 'other', reason };
}

/** @param reason the end of a sentence after the layer's name */
export function other(reason: string): FlowRule {
  return () => stopped(reason);
}

export const elementwise: FlowRule = () => APART;

export const adds: FlowRule = () => ({ ...APART, adds: true });

export const activates: FlowRule = ({ def }) => activationFlow(activationName(def.config) ?? 'linear');

export const rescales: FlowRule = ({ def: { config } }) =>
  Array.isArray(config.scale) || Array.isArray(config.offset) ? stopped('has a factor per feature') : APART;

/** Changes with a rule only what is called once, as all calls share its weights or its configuration. */
function calledOnce(rule: FlowRule): FlowRule {
  return (facts) => {
    const { length } = facts.def.calls;
    return length > 1 ? stopped(`is called ${length} times`) : rule(facts);
  };
}

/** Layers that TensorFlow.js computes otherwise than it says where channels come first. */
export function channelsLastAlone(rule: FlowRule): FlowRule {
  return (facts) => (channelsLast(facts.def.config) ? rule(facts) : stopped('is channels-first'));
}

/** Along the axes of positions, beside that of the channels. */
export function mixesPositions(
  axes: 1 | 2 | 3,
  reason: string,
  { last = false, dropped = false }: { last?: boolean; dropped?: boolean } = {},
): FlowRule {
  return ({ def }) => {
    const first = last || channelsLast(def.config) ? -1 - axes : -axes;
    return {
      type: 'mixing',
      axes: Array.from({ length: axes }, (_, axis) => first + axis),
      dropped,
      reason,
    };
  };
}

export function mixesLast(reason: string): FlowRule {
  return () => ({ type: 'mixing', axes: [-1], dropped: false, reason });
}

/** Along the axes of the configuration. */
export function mixesAxes(missing: number, reason: string): FlowRule {
  return ({ def, ranks: [rank] }) => {
    const axes = fromEnd(def.config.axis ?? missing, rank);
    return axes === undefined ? stopped(reason) : { type: 'mixing', axes, dropped: false, reason };
  };
}

/** One axis or several, counted from the end; undefined where these are not known. */
function fromEnd(axes: Json | undefined, rank: number | undefined): number[] | undefined {
  const places = (Array.isArray(axes) ? axes : [axes]).map((axis) => {
    if (typeof axis !== 'number') return undefined;
    return axis < 0 ? axis : rank && axis - rank;
  });
  return places.includes(undefined) ? undefined : (places as number[]);
}

/** γ, β, mean and variance along the last axis. The backends of TensorFlow.js disagree about others. */
export function normalisesBatches(parameters: readonly FeatureParameter[]): FlowRule {
  return calledOnce((facts) => {
    const [axis, ...more] = fromEnd(facts.def.config.axis ?? -1, facts.ranks[0]) ?? [];
    return axis !== -1 || more.length > 0
      ? stopped('normalises another axis than the last')
      : { type: 'elementwise', constants: constantsOf(parameters, facts) };
  });
}

/** Slopes of all places of the last axes; the backends of TensorFlow.js disagree about those of others. */
export function slopes(parameters: readonly FeatureParameter[]): FlowRule {
  return calledOnce((facts) => {
    const alpha = facts.weight('alpha');
    if (alpha === undefined) return stopped('has no slopes');
    const first = alpha.findIndex((size) => size > 1);
    const input = facts.input?.slice(1);
    const last = first < 0 || alpha.every((size, axis) => axis < first || size === input?.[axis]);
    return last
      ? { type: 'elementwise', constants: constantsOf(parameters, facts) }
      : stopped('has slopes that are not per feature');
  });
}

/** The layer's weights with values per feature, whose axes lie under the last ones. */
function constantsOf(parameters: readonly FeatureParameter[], { weight }: FlowFacts) {
  return parameters.flatMap((parameter, slot) => {
    const shape = weight(parameter.weight);
    return shape === undefined ? [] : [{ slot, shape }];
  });
}

export const transposes: FlowRule = ({ def: { config } }) => {
  const dims = Array.isArray(config.dims) ? config.dims.map(Number) : [];
  const whole = dims.toSorted((a, b) => a - b).every((axis, i) => axis === i + 1);
  return dims.length > 0 && whole
    ? { type: 'transpose', permutation: [0, ...dims] }
    : stopped('moves axes in an unknown way');
};

/** The configuration says the new sizes. */
export const reshapes: FlowRule = calledOnce(() => ({ type: 'reshape' }));

/** Where channels come first, they are brought to the end. */
export const flattens: FlowRule = ({ def, ranks: [rank] }) => {
  if (channelsLast(def.config) || rank === 2) return { type: 'reshape' };
  if (rank === undefined) return stopped('moves the feature axis');
  const permutation = [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1];
  return [{ flow: { type: 'transpose', permutation }, name: 'turned' }, { flow: { type: 'reshape' } }];
};

export const concatenates: FlowRule = ({ def, ranks: [rank] }) => {
  const [axis] = fromEnd(def.config.axis ?? -1, rank) ?? [];
  return axis === undefined ? stopped('puts them along an unknown axis') : { type: 'concat', axis };
};

/** `[batch, i, k] · [batch, k, j]`, with the axes of both where the configuration says; a vector has no i or j. */
export const contracts: FlowRule = ({ def: { config }, ranks }) => {
  const places = ranks.map((rank, i) => {
    const [axis] = fromEnd(Array.isArray(config.axes) ? config.axes[i] : config.axes, rank) ?? [];
    return rank === undefined || axis === undefined || rank > 3 || axis <= -rank ? undefined : { rank, axis };
  });
  const [left, right] = places;
  if (left === undefined || right === undefined) return stopped('multiplies along unknown axes');
  if (config.normalize === true) return stopped('divides them by their norms');
  if (left.rank < 3 && right.rank === 3) return stopped('multiplies a vector by a matrix');
  const apart: FeatureFlow = { type: 'transpose', permutation: [0, 2, 1] };
  // A vector is a matrix of one column.
  const column: FeatureFlow = { type: 'transpose', permutation: [1, 0] };
  const turned = right.rank === 2 ? column : right.axis === -1 ? apart : APART;
  const product = [
    { flow: left.axis === -1 ? APART : apart, reads: [0], name: 'left' },
    { flow: turned, reads: [1], name: 'right' },
    { flow: { type: 'contraction' }, reads: ['left', 'right'] },
  ] as const;
  if (left.rank === right.rank) return product;
  const gone: FeatureFlow = { type: 'mixing', axes: [-1], dropped: true, reason: 'drops an axis' };
  return [...product.slice(0, 2), { ...product[2], name: 'product' }, { flow: gone }];
};

/** A kernel whose axes of a window come first. */
export function multiplies(layout: KernelLayout, kernel = 'kernel'): FlowRule {
  return ({ def, weight }) => {
    const shape = weight(kernel);
    if (shape === undefined) return stopped('has no kernel');
    const window = shape.length - 2;
    const axis = channelsLast(def.config) ? -1 : -1 - window;
    return { type: 'kernel', kernel, bias: 'bias', layout, axis };
  };
}

/** Filters of the channels, which leave with these. */
export const filters: FlowRule = calledOnce(multiplies('depthwise', 'depthwise_kernel'));

/** Filters of the channels, and a product of what they make. */
export const separates: FlowRule = calledOnce(() => [
  {
    flow: { type: 'kernel', kernel: 'depthwise_kernel', layout: 'depthwise', axis: -1 },
    name: 'depthwise',
  },
  {
    flow: { type: 'kernel', kernel: 'pointwise_kernel', bias: 'bias', layout: 'inputs first', axis: -1 },
  },
]);

/** Rows of a table are those of a product that reads places; numbers that are computed are no features. */
export function looksUp(reason: string): FlowRule {
  return () => [
    { flow: stopped(reason), name: 'places' },
    { flow: { type: 'kernel', kernel: 'embeddings', layout: 'inputs first', axis: -1 }, reads: [] },
  ];
}
