/** How features pass Einsum: as a product with a matrix, or as one of two tensors. */
import { attribute } from '../../proto/onnx-protos.js';
import { other, weighs } from './flow-products.js';
import type { FlowRule, FlowStep } from './flow-rules.js';

const UNFOLLOWED = other('multiplies in a way that is not followed');

export const sumsProducts: FlowRule = (node, context) => {
  const equation = new TextDecoder().decode(attribute(node, 'equation')?.s).replaceAll(' ', '');
  const [, left, right, output] = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/.exec(equation) ?? [];
  if (left === undefined || right === undefined || output === undefined) return UNFOLLOWED;
  if ([left, right, output].some((letters) => new Set(letters).size < letters.length)) return UNFOLLOWED;
  const [fixedLeft, fixedRight] = node.input.map(
    (name) => (context.index.constantSource(name) ?? context.index.constantMaker(name)) !== undefined,
  );
  if (fixedLeft) return UNFOLLOWED;
  if (!fixedRight) return contracts(node.input, `${node.output[0]}`, [left, right, output]) ?? UNFOLLOWED;
  // `abc,cd->abd` and `abc,dc->abd`, as fully connected layers.
  const [summed, front] = [left.at(-1)!, left.slice(0, -1)];
  const made = output.at(-1)!;
  const plain = !left.includes(made) && output === front + made;
  const layout = right === summed + made ? 'inputs first' : right === made + summed ? 'outputs first' : null;
  return plain && layout !== null
    ? [{ flow: weighs(node, context, 'product', layout), inputs: [node.input[0]!] }]
    : UNFOLLOWED;
};

/** `abcd,aecd->acbe`: `[batch, i, k] · [batch, k, j]`, with axes in the order of the result. */
function contracts(
  inputs: readonly string[],
  name: string,
  [left, right, output]: readonly [string, string, string],
): FlowStep[] | undefined {
  const both = [...left].filter((letter) => right.includes(letter));
  const summed = both.filter((letter) => !output.includes(letter));
  const batch = both.filter((letter) => output.includes(letter));
  const rows = [...left].filter((letter) => !right.includes(letter));
  const columns = [...right].filter((letter) => !left.includes(letter));
  const single = [summed, rows, columns].every((letters) => letters.length === 1);
  if (!single || ![...rows, ...columns].every((letter) => output.includes(letter))) return undefined;
  const ordered = (from: string, to: readonly string[]): FlowStep['flow'] => ({
    type: 'transpose',
    permutation: to.map((letter) => from.indexOf(letter)),
  });
  const made = [...batch, ...rows, ...columns];
  const [first, second, product] = [`${name}#left`, `${name}#right`, `${name}#product`];
  return [
    { flow: ordered(left, [...batch, ...rows, ...summed]), inputs: [inputs[0]!], outputs: [first] },
    { flow: ordered(right, [...batch, ...summed, ...columns]), inputs: [inputs[1]!], outputs: [second] },
    { flow: { type: 'contraction' }, inputs: [first, second], outputs: [product] },
    { flow: ordered(made.join(''), [...output]), inputs: [product] },
  ];
}
