/** All activations that are known, by the names that files give them. */
import type { OperationEffect } from '@spherize/core';
import { isObject, type JsonObject } from '../../artifacts/json.js';
import type { Place } from './layer-class.js';

export interface Activation {
  /** In the form of TensorFlow.js; files may write `hard_sigmoid` for `hardSigmoid`. */
  readonly name: string;
  /** What it does to the features of a tensor in which they lie there. */
  effect(place: Place): OperationEffect;
}

function activations(names: string, effect: Activation['effect']): Activation[] {
  return names.split(' ').map((name) => ({ name, effect }));
}

export const ACTIVATIONS: readonly Activation[] = [
  ...activations('linear relu', () => ({ type: 'homogeneous' })),
  ...activations(
    'relu6 elu selu sigmoid hardSigmoid tanh softplus softsign swish silu gelu geluNew mish exponential',
    () => ({ type: 'elementwise' }),
  ),
  ...activations('softmax logSoftmax', (place) =>
    place === undefined || place === 0
      ? { type: 'other', reason: 'sums over a whole axis' }
      : { type: 'elementwise' },
  ),
];

const BY_NAME: ReadonlyMap<string, Activation> = new Map(ACTIVATIONS.map((own) => [own.name, own]));

/** The name of a layer's activation as its configuration has it; undefined when there is none. */
export function activationName({ activation }: JsonObject): string | undefined {
  const name = isObject(activation) ? activation.class_name : activation;
  if (activation === undefined || activation === null || name === 'linear') return undefined;
  return typeof name === 'string' ? name : 'activation';
}

export function activationEffect(name: string, place: Place): OperationEffect {
  const known = BY_NAME.get(name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
  return known?.effect(place) ?? { type: 'other', reason: 'is an activation that is not known' };
}
