/** How features pass Einsum, where it is a product with weights or one of two tensors. */
import { isFloat } from '../../artifacts/weights.js';
import type { NodeDef } from '../nodes/node-def.js';
import { contractionOf, type Equation } from './einsum.js';
import type { FlowRule, FlowStep, FlowWriter } from './flow.js';
import type { Shape } from './known-tensor.js';

export const sumsProducts: FlowRule = (node, writer) => {
  const equation = contractionOf(node, writer);
  const sizes = equation && sizesOf(node, equation, writer);
  const weights = node.input.findIndex((name) => !writer.varies(name));
  if (equation === undefined || sizes === undefined || node.input.length !== 2) return UNFOLLOWED;
  return weights < 0
    ? contracts(node, writer, equation, sizes)
    : multiplies(node, writer, equation, sizes, weights);
};

const UNFOLLOWED = 'multiplies in a way that is not followed';

type Sizes = ReadonlyMap<string, number | undefined>;

function sizesOf(node: NodeDef, { inputs }: Equation, writer: FlowWriter): Sizes | undefined {
  const sizes = new Map<string, number | undefined>();
  for (const [i, letters] of inputs.entries()) {
    const shape = writer.shape(node.input[i]);
    if (shape === undefined) return undefined;
    for (const [place, letter] of [...letters].entries())
      sizes.set(letter, sizes.get(letter) ?? shape[place]);
  }
  return sizes;
}

/** `abcd,cde->abe`: what is read is brought to `[…, cd]`, what is made is `[…, e]`. */
function multiplies(
  node: NodeDef,
  writer: FlowWriter,
  { inputs, output }: Equation,
  sizes: Sizes,
  slot: number,
): string | undefined {
  const [own, read] = [inputs[slot]!, inputs[1 - slot]!];
  const weight = writer.index.constant(node.input[slot])?.weight;
  if (weight === undefined || !isFloat(weight)) return UNFOLLOWED;
  const summed = [...own].filter((letter) => read.includes(letter));
  const made = [...own].filter((letter) => !read.includes(letter));
  const kept = [...read].filter((letter) => !summed.includes(letter));
  const plain =
    summed.every((letter) => !output.includes(letter)) &&
    [...made, ...kept].every((letter) => output.includes(letter));
  if (!plain || summed.length === 0 || made.length === 0) return UNFOLLOWED;
  const steps: FlowStep[] = [
    ...ordered(read, [...kept, ...summed].join(''), sizes),
    ...merged(kept, summed, sizes),
    {
      flow: {
        type: 'weighted',
        kind: 'product',
        slot,
        roles: [...own].map((letter) => (summed.includes(letter) ? 'input' : 'output')),
        bias: undefined,
        reads: -1,
        makes: -1,
      },
      shape: [...shapeOf(kept, sizes), product(made, sizes)],
    },
    ...(made.length > 1 ? [reshaped([...kept, ...made], sizes)] : []),
    ...ordered([...kept, ...made].join(''), output, sizes),
  ];
  return writer.does(node, [node.input[1 - slot]!], steps);
}

/** `abcd,aecd->acbe`: `[batch, i, k] · [batch, k, j]`, with axes in the order of the result. */
function contracts(
  node: NodeDef,
  writer: FlowWriter,
  { inputs, output }: Equation,
  sizes: Sizes,
): string | undefined {
  const [left, right] = inputs as [string, string];
  const summed = [...left].filter((letter) => right.includes(letter) && !output.includes(letter));
  const batch = [...left].filter((letter) => right.includes(letter) && output.includes(letter));
  const [rows, columns] = [alone(left, right), alone(right, left)];
  const single = [summed, rows, columns].every((letters) => letters.length === 1);
  if (!single || ![...rows, ...columns].every((letter) => output.includes(letter))) return UNFOLLOWED;
  const tensor = (slot: number, from: string, to: readonly string[]): string => {
    const steps = ordered(from, to.join(''), sizes);
    const name = node.input[slot]!;
    return steps.length === 0 ? name : writer.prepares(node, [name], steps);
  };
  const sides = [
    tensor(0, left, [...batch, ...rows, ...summed]),
    tensor(1, right, [...batch, ...summed, ...columns]),
  ];
  const made = [...batch, ...rows, ...columns];
  return writer.does(node, sides, [
    { flow: { type: 'contraction' }, shape: shapeOf(made, sizes) },
    ...ordered(made.join(''), output, sizes),
  ]);
}

function alone(own: string, other: string): string[] {
  return [...own].filter((letter) => !other.includes(letter));
}

function shapeOf(letters: readonly string[], sizes: Sizes): Shape {
  return letters.map((letter) => sizes.get(letter));
}

function product(letters: readonly string[], sizes: Sizes): number | undefined {
  const all = shapeOf(letters, sizes);
  return all.includes(undefined) ? undefined : (all as number[]).reduce((a, b) => a * b, 1);
}

/** Nothing where axes are in order already. */
function ordered(from: string, to: string, sizes: Sizes): FlowStep[] {
  if (from === to) return [];
  const letters = [...to];
  const permutation = letters.map((letter) => [...from].indexOf(letter));
  return [{ flow: { type: 'transpose', permutation }, shape: shapeOf(letters, sizes) }];
}

function reshaped(letters: readonly string[], sizes: Sizes): FlowStep {
  return { flow: { type: 'reshape' }, shape: shapeOf(letters, sizes) };
}

function merged(kept: readonly string[], summed: readonly string[], sizes: Sizes): FlowStep[] {
  if (summed.length === 1) return [];
  return [{ flow: { type: 'reshape' }, shape: [...shapeOf(kept, sizes), product(summed, sizes)] }];
}
