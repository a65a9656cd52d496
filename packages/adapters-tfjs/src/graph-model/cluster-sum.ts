/** The nodes that bring a layer's input from n columns to k clusters: gather, multiply, sum over neighbours. */
import type { ClusterGroup, InputForm } from '@spherize/core';
import type { GraphEditor } from './graph-editor.js';

/**
 * Emits the form for an input of shape `[batch, n]`.
 *
 * @param layer stem of all new names
 * @returns the tensor of shape `[batch, k]`
 */
export function clusterSum(editor: GraphEditor, layer: string, input: string, form: InputForm): string {
  let tensor = input;
  const axis = (part: string, value: number): string =>
    editor.addIntegers(`${layer}/${part}/axis`, [value], true);
  if (form.gather !== null) {
    const order = editor.addIntegers(`${layer}/order`, form.gather);
    tensor = editor.add('GatherV2', `${layer}/gather`, [tensor, order, axis('gather', 1)]);
  }
  if (form.multiply !== null) {
    const factors = editor.addFloats(`${layer}/factors`, [form.multiply.length], form.multiply);
    tensor = editor.add('Mul', `${layer}/multiply`, [tensor, factors]);
  }
  const sum = (source: string, { size, count }: ClusterGroup): string => {
    if (size === 1) return source;
    const shape = editor.addIntegers(`${layer}/members${size}/shape`, [-1, count, size]);
    const members = editor.add('Reshape', `${layer}/members${size}`, [source, shape]);
    return editor.add('Sum', `${layer}/sum${size}`, [members, axis(`sum${size}`, 2)], {
      keep_dims: { b: false },
    });
  };
  const { groups } = form;
  if (groups.length === 1) return sum(tensor, groups[0]!);
  const widths = editor.addIntegers(
    `${layer}/split/widths`,
    groups.map(({ size, count }) => size * count),
  );
  const split = editor.add('SplitV', `${layer}/split`, [tensor, widths, axis('split', 1)], {
    num_split: { i: String(groups.length) },
  });
  const sums = groups.map((group, i) => sum(i === 0 ? split : `${split}:${i}`, group));
  return editor.add('ConcatV2', `${layer}/clusters`, [...sums, axis('clusters', 1)], {
    N: { i: String(groups.length) },
  });
}
