/** The nodes that bring a layer's input from n columns to k clusters: gather, multiply, sum over neighbours. */
import type { ClusterGroup, InputForm } from '@spherize/core';
import { isSmallBeside, mostBesideProduct, pointwiseSum } from '../artifacts/member-sums.js';
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

/** What a sum stands before: so many rows of a matrix at every position that it makes, of so many that it reads. */
export interface ConvolutionBehind {
  readonly layer: string;
  /** n, the channels of its input. */
  readonly columns: number;
  /** outputs · span. */
  readonly rows: number;
  /** Positions that are read for each one at which it multiplies. */
  readonly stride: number;
  /** Of positions: 2, or 3. */
  readonly axes: number;
}

/**
 * The same for an image `[batch, …positions, n]`: where a product at every position is small beside the convolution, it is one; otherwise
 * all positions are samples.
 *
 * @returns the tensor of shape `[batch, …positions, k]`
 */
export function channelSum(
  editor: GraphEditor,
  { layer, columns, rows, stride, axes }: ConvolutionBehind,
  input: string,
  form: InputForm,
): string {
  const clusters = form.groups.reduce((sum, { count }) => sum + count, 0);
  if (form.groups.every(({ size }) => size === 1) && form.gather === null && form.multiply === null)
    return input;
  if (isSmallBeside(columns, rows, stride) && clusters <= mostBesideProduct(columns, rows, stride)) {
    const kernel = editor.addWeight(
      pointwiseSum(editor.fresh(`${layer}/members/kernel`), columns, axes, form),
    );
    const ones = { list: { i: Array<string>(axes + 2).fill('1') } };
    return editor.add(`Conv${axes}D`, `${layer}/members`, [input, kernel], {
      strides: ones,
      dilations: ones,
      padding: { s: btoa('VALID') },
      data_format: { s: btoa(axes === 2 ? 'NHWC' : 'NDHWC') },
    });
  }
  const flat = editor.addIntegers(`${layer}/positions/shape`, [-1, columns]);
  const positions = editor.add('Reshape', `${layer}/positions`, [input, flat]);
  const sums = clusterSum(editor, layer, positions, form);
  const full = editor.add('Shape', `${layer}/image/of`, [input], { out_type: { type: 'DT_INT32' } });
  const bounds = [[0], [axes + 1], [1]].map((values, i) =>
    editor.addIntegers(`${layer}/image/${['begin', 'end', 'strides'][i]}`, values),
  );
  const leading = editor.add('StridedSlice', `${layer}/image/leading`, [full, ...bounds], {
    T: { type: 'DT_INT32' },
    Index: { type: 'DT_INT32' },
    begin_mask: { i: '0' },
    end_mask: { i: '0' },
    ellipsis_mask: { i: '0' },
    new_axis_mask: { i: '0' },
    shrink_axis_mask: { i: '0' },
  });
  const last = editor.addIntegers(`${layer}/image/clusters`, [clusters]);
  const axis = editor.addIntegers(`${layer}/image/axis`, [0], true);
  const shape = editor.add('ConcatV2', `${layer}/image/shape`, [leading, last, axis], {
    T: { type: 'DT_INT32' },
    N: { i: '2' },
  });
  return editor.add('Reshape', `${layer}/image`, [sums, shape]);
}
