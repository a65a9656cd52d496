import type { FlowOperation, Model } from '@spherize/core';

/** The operation of a model that makes a tensor. */
export function madeBy({ graph }: Model, tensor: string): FlowOperation {
  return graph.operations.find(({ outputs }) => outputs.includes(tensor))!;
}
