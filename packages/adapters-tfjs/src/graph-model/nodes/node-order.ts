/** Nodes in an order in which every one stands behind what it reads; that of the file where it is such an order already. */
import { type NodeDef, nodeOf } from './node-def.js';

/** What hands a value to the next round of a loop, and so may be read before it is made. */
export const LOOPS_BACK = 'NextIteration';

/** @param nodes without circles but those of loops */
export function nodesInOrder(nodes: readonly NodeDef[]): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const seen = new Set<NodeDef>();
  const ordered: NodeDef[] = [];
  for (const root of nodes) {
    const path: { node: NodeDef; next: number }[] = [];
    const enter = (node: NodeDef | undefined): void => {
      if (node === undefined || seen.has(node)) return;
      seen.add(node);
      path.push({ node, next: 0 });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const input = top.node.input[top.next++];
      if (input === undefined) {
        ordered.push(top.node);
        path.pop();
        continue;
      }
      const maker = byName.get(nodeOf(input));
      if (maker?.op !== LOOPS_BACK) enter(maker);
    }
  }
  return ordered;
}
