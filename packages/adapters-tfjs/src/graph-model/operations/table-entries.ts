/** Entries of the table, for several operations at once. */
import { stops } from '@spherize/core';
import { ends } from './flow.js';
import type { ValueRule } from './known-tensor.js';
import type { Operation } from './operation.js';
import { casts, combines, computes, reducesTo } from './value-rules.js';

export type OperationFacts = Partial<Omit<Operation, 'name'>> & Pick<Operation, 'effect'>;

export function operations(names: string, facts: OperationFacts): Operation[] {
  return names.split(' ').map((name) => ({
    parameters: [],
    vectors: 'none',
    flow: ends(UNKNOWN),
    values: ARITHMETIC[name],
    ...facts,
    name,
  }));
}

/** Operations that cannot stand between two fully connected layers. */
export function standingApart(
  names: string,
  apart: string,
  facts: Partial<OperationFacts> = {},
): Operation[] {
  return operations(names, { effect: stops(apart), ...facts, apart });
}

/** Why features do not pass what no rule describes. */
export const UNKNOWN = 'does not keep features apart, for all that is known';

/** Arithmetic on lengths. */
const ARITHMETIC: Readonly<Record<string, ValueRule>> = {
  Neg: computes((value) => -value),
  Floor: computes(Math.floor),
  Ceil: computes(Math.ceil),
  Cast: casts,
  Add: combines((left, right) => left + right),
  AddV2: combines((left, right) => left + right),
  Sub: combines((left, right) => left - right),
  Mul: combines((left, right) => left * right),
  RealDiv: combines((left, right) => left / right),
  Div: combines((left, right) => left / right),
  FloorDiv: combines((left, right) => Math.floor(left / right)),
  FloorMod: combines((left, right) => left - right * Math.floor(left / right)),
  Maximum: combines(Math.max),
  Minimum: combines(Math.min),
  Prod: reducesTo((left, right) => left * right),
};
