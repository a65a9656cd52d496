/** The short form in which families of operators are written down. */

import { stops } from '@spherize/core';
import type { Operator } from './operator.js';

/** Everything about an operator that is not the same for most. */
export type OperatorFacts = Partial<Omit<Operator, 'name' | 'since'>> & Pick<Operator, 'effect'>;

/** @param names operators with the version of the set that brought their form, apart by blanks: `Relu Mish@18`. Default version 7 */
export function operators(names: string, facts: OperatorFacts): Operator[] {
  return names.split(' ').map((entry) => {
    const [name, since] = entry.split('@');
    return {
      domain: '',
      inputs: 0,
      activation: 'first',
      parameters: [],
      takesVectors: false,
      products: 'none',
      packed: false,
      ...facts,
      name: name!,
      since: Number(since ?? (facts.domain === MICROSOFT ? 1 : 7)),
    };
  });
}

/** The operators that onnxruntime adds. */
export const MICROSOFT = 'com.microsoft';

/**
 * Operators that cannot stand between two fully connected layers.
 *
 * @param reason why their output leads no features on, as the end of a sentence after the operation's name
 * @param apart why they cannot stand there; left out: the same
 */
export function standingApart(names: string, apart: string, facts: Partial<OperatorFacts> = {}): Operator[] {
  return operators(names, { effect: stops(apart), ...facts, apart });
}
