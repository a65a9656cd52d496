/** The equations of Einsum: `abc,cd->abd`. */
import { type NodeDef, text } from '../nodes/node-def.js';
import type { KnownTensors } from './known-tensor.js';

export interface Equation {
  /** The axes of each input, a letter each. */
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Undefined for equations with an ellipsis of unknown length, without a result, or with a letter twice in a tensor. */
export function contractionOf(node: NodeDef, known: KnownTensors): Equation | undefined {
  const equation = text(node, 'equation')?.replace(/\s/g, '');
  const [left, output] = equation?.split('->') ?? [];
  if (left === undefined || output === undefined) return undefined;
  const inputs = left.split(',');
  // What the dots stand for: as many capital Greek letters as the rank leaves, the same for all.
  const dots = inputs.map((own, i) => {
    const rank = known.shape(node.input[i])?.length;
    return own.includes('...') && rank !== undefined ? rank - (own.length - 3) : undefined;
  });
  const longest = Math.max(0, ...dots.map((count) => count ?? 0));
  const spelled = (own: string, count: number | undefined): string | undefined =>
    own.includes('...')
      ? count === undefined
        ? undefined
        : own.replace('...', DOTS.slice(longest - count, longest))
      : own;
  const terms = inputs.map((own, i) => spelled(own, dots[i]));
  const result = spelled(output, longest);
  const all = [...terms, result];
  if (all.some((own) => own === undefined || new Set(own).size !== own.length)) return undefined;
  return { inputs: terms as string[], output: result! };
}

const DOTS = 'ΑΒΓΔΕΖΗΘ';
