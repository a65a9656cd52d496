/**
 * What must hold of a graph before anything is worked out from it: every node has a name of its own and reads what another one
 * makes, without a circle but those of loops, and its weights are finite.
 */
import { badModel } from '../artifacts/bad-model.js';
import { requireFinite } from '../artifacts/finite-weights.js';
import type { GraphIndex } from './nodes/graph-index.js';
import { isControl, type NodeDef, nodeOf } from './nodes/node-def.js';
import { LOOPS_BACK } from './nodes/node-order.js';
import { operationOf } from './operations/operation-table.js';

/** @throws InputError `BAD_FILE` that names the node which is wrong */
export function checkGraph(index: GraphIndex): void {
  checkNames(index);
  checkOrder(index);
  for (const { op, input } of index.nodes) {
    const finite = operationOf(op)?.finite;
    if (finite === undefined) continue;
    const mask = finite === 'masks';
    for (const name of input) {
      const source = index.constant(name);
      if (source !== undefined) requireFinite(source.weight, mask ? Number.isNaN : undefined);
    }
  }
}

function checkNames({ nodes }: GraphIndex): void {
  const names = new Set<string>();
  for (const { name } of nodes) {
    if (names.has(name)) fail(`two nodes are called '${name}'`);
    names.add(name);
    // TensorFlow.js keeps nodes in a plain object.
    if (name in {}) fail(`a node is called '${name}', which TensorFlow.js does not load`);
  }
  const idle = new Set(nodes.filter(({ op }) => op === 'NoOp').map(({ name }) => name));
  for (const { name, input } of nodes) {
    for (const read of input) {
      if (!names.has(nodeOf(read))) fail(`node '${name}' reads '${read}', which nothing makes`);
      if (idle.has(nodeOf(read)) && !isControl(read))
        fail(`node '${name}' reads '${read}', a NoOp, which makes nothing`);
    }
  }
}

/** Takes nodes away whose inputs are there, until none is left. */
function checkOrder({ nodes }: GraphIndex): void {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const waiting = new Map<NodeDef, number>();
  const readers = new Map<NodeDef, NodeDef[]>();
  const ready: NodeDef[] = [];
  for (const node of nodes) {
    const makers = node.input.map((name) => byName.get(nodeOf(name))!).filter(({ op }) => op !== LOOPS_BACK);
    waiting.set(node, makers.length);
    if (makers.length === 0) ready.push(node);
    for (const maker of makers) {
      const known = readers.get(maker);
      if (known) known.push(node);
      else readers.set(maker, [node]);
    }
  }
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    waiting.delete(node);
    for (const reader of readers.get(node) ?? []) {
      const left = waiting.get(reader)! - 1;
      waiting.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  const [stuck] = waiting.keys();
  if (stuck) fail(`node '${stuck.name}' reads what it makes itself: the nodes form a circle`);
}

function fail(what: string): never {
  throw badModel(what);
}
