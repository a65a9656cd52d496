/** All operators that are known, one entry each. */
import type { NodeProto } from 'onnx-buf';
import { CONTRIBUTED } from './contributed.js';
import { ELEMENTWISE_OPERATORS } from './elementwise.js';
import { LAYOUTS } from './layouts.js';
import { NORMALISATIONS } from './normalisations.js';
import type { Operator } from './operator.js';
import { OTHERS, PRODUCTS } from './products.js';

export const OPERATORS: readonly Operator[] = [
  ...ELEMENTWISE_OPERATORS,
  ...NORMALISATIONS,
  ...LAYOUTS,
  ...PRODUCTS,
  ...OTHERS,
  ...CONTRIBUTED,
];

const BY_NAME: ReadonlyMap<string, Operator> = new Map(
  OPERATORS.map((operator) => [`${operator.domain}:${operator.name}`, operator]),
);

/** The operator of a node; undefined for one that the table does not have. */
export function operatorOf({ domain, opType }: NodeProto): Operator | undefined {
  return BY_NAME.get(`${domain === 'ai.onnx' ? '' : domain}:${opType}`);
}
