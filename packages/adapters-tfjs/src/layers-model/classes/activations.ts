/** All activations that are known, by the names that files give them. */
import {
  ELEMENTWISE,
  type FeatureFlow,
  HOMOGENEOUS,
  LINEAR,
  type OperationEffect,
  stops,
} from '@spherize/core';
import { isObject, type JsonObject } from '../../artifacts/json.js';
import type { Place } from './layer-class.js';

export interface Activation {
  /** In the form of TensorFlow.js; files may write `hard_sigmoid` for `hardSigmoid`. */
  readonly name: string;
  /** What it does to the features of a tensor in which they lie there. */
  effect(place: Place): OperationEffect;
  readonly flow: FeatureFlow;
}

function activations(names: string, facts: Omit<Activation, 'name'>): Activation[] {
  return names.split(' ').map((name) => ({ ...facts, name }));
}

const APART: FeatureFlow = { type: 'elementwise', constants: [] };
const SUMS = 'sums over a whole axis';

export const ACTIVATIONS: readonly Activation[] = [
  ...activations('linear', { effect: () => LINEAR, flow: APART }),
  ...activations('relu', { effect: () => HOMOGENEOUS, flow: APART }),
  ...activations(
    'relu6 elu selu sigmoid hardSigmoid tanh softplus softsign swish silu gelu geluNew mish exponential',
    { effect: () => ELEMENTWISE, flow: APART },
  ),
  ...activations('softmax logSoftmax', {
    effect: (place) => (place === undefined || place === 0 ? stops(SUMS) : ELEMENTWISE),
    flow: { type: 'mixing', axes: [-1], dropped: false, reason: SUMS },
  }),
];

const BY_NAME: ReadonlyMap<string, Activation> = new Map(ACTIVATIONS.map((own) => [own.name, own]));

/** The name of a layer's activation as its configuration has it; undefined when there is none. */
export function activationName({ activation }: JsonObject): string | undefined {
  const name = isObject(activation) ? activation.class_name : activation;
  if (activation === undefined || activation === null || name === 'linear') return undefined;
  return typeof name === 'string' ? name : 'activation';
}

const UNKNOWN = { type: 'other', reason: 'is an activation that is not known' } as const;

function known(name: string): Activation | undefined {
  return BY_NAME.get(name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
}

export function activationEffect(name: string, place: Place): OperationEffect {
  return known(name)?.effect(place) ?? UNKNOWN;
}

export function activationFlow(name: string): FeatureFlow {
  return known(name)?.flow ?? UNKNOWN;
}
