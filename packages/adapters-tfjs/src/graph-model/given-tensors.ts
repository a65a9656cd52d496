/** Tensors that a part of a graph does not make, but is given: a Placeholder stands for each. */
import type { GraphIndex } from './nodes/graph-index.js';
import type { NodeDef } from './nodes/node-def.js';

/** A Placeholder of any shape and type for a tensor; its own name is another where that of the tensor is no node's, or taken. */
export function givenNode(tensor: string, name: string = tensor): NodeDef {
  return { name, op: 'Placeholder', input: [], attr: { given: tensor } };
}

/** The tensor that a Placeholder stands for: itself, but for those of {@link givenNode}. */
export function inputTensor({ name, attr }: NodeDef): string {
  return typeof attr.given === 'string' ? attr.given : name;
}

/** The Placeholders of given tensors, by tensor. */
export function givenNodes({ inputs }: GraphIndex): ReadonlyMap<string, string> {
  const given = inputs.filter(({ attr }) => typeof attr.given === 'string');
  return new Map(given.map((node) => [inputTensor(node), node.name]));
}

/** What names tensors by a place in memory, which a part has none of, or belongs to one round of a loop. */
const BOUND =
  /^(Ref)?(Enter|Exit|NextIteration|Switch|Merge|LoopCond)$|^((Empty)?Tensor(List|Array)|HashTable|LookupTable)/;

/** Whether parts of a graph can go on from tensors that other parts made. */
export function canResume({ nodes }: GraphIndex): boolean {
  return !nodes.some(({ op }) => BOUND.test(op));
}
