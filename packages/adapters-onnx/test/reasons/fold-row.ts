import type { FoldPlan } from '@spherize/core';

/** Where the factors and the order of a layer go, as rows of a table; names that count on from model to model are numbered anew. */
export function foldRow(what: string, { scaleInto, orderInto, reason }: FoldPlan): string {
  const names = new Map<string, string>();
  const plain = (text: string) =>
    text.replace(/\b[a-z]\w*_\d+/g, (name) => {
      if (!names.has(name)) names.set(name, `${name.replace(/\d+$/, '')}${names.size + 1}`);
      return names.get(name)!;
    });
  return `${what}\n  factors: ${plain(scaleInto ?? '–')}, order: ${plain(orderInto ?? '–')}\n  ${plain(reason)}\n`;
}
