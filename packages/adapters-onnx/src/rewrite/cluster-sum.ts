/**
 * The nodes that bring a layer's input from n columns to k clusters: gather, multiply, sum over neighbours.
 *
 * There is one form of the sum, not a choice per layer. In µs per run at batch 1 / 64, sums alone (onnxruntime 1.30, 2 cores):
 *
 *     4096 columns in clusters of   2          4         10     one form or another of 28 / 80 sizes, with a product of 10 rows
 *     members side by side       14 / 397   15 / 199   12 / 81                          35 / 152, 66 / 215
 *     members strided            17 / 172   20 / 123   12 / 55
 *     slices added               11 / 212   17 / 186   15 / 98
 *     ScatterElements                                                                   22 / 672, 28 / 1004
 *
 * A product of 4096 rows beside them takes 200 to 1800 µs at batch 1 and 1600 to 9000 at batch 64.
 */
import type { ClusterGroup, InputForm } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import { makeNode } from '../proto/onnx-protos.js';
import { floatTensor, int32Tensor, int64Tensor } from '../proto/tensor-values.js';
import type { GraphEditor } from './graph-editor.js';

/** What the emitted nodes depend on. */
export interface ClusterSumTarget {
  readonly editor: GraphEditor;
  /** Version of the standard operator set. */
  readonly opset: number;
  /** Stem of all new names: the layer's name. */
  readonly layer: string;
  readonly input: string;
  /** Number of axes of the input, when known: before operator set 11, which counts axes from the front only, it is. */
  readonly rank: number | undefined;
  /** For columns that are channels, axis 1: the sizes of the axes behind, where they are known. Left out: columns are the last axis. */
  readonly channels: { readonly places: readonly number[] | undefined } | undefined;
  /** Element type of the input. */
  readonly dataType: number;
}

/**
 * Emits the form for an input of shape `[.., n]`, or `[N, n, ..]` for channels. No node depends on the size of any other axis, unless the
 * file fixes it.
 *
 * @returns the nodes in order, and the tensor of shape `[.., k]` or `[N, k, ..]` that they end in
 */
export function clusterSum(
  target: ClusterSumTarget,
  form: InputForm,
): { nodes: NodeProto[]; output: string } {
  const { editor, layer, rank, dataType, opset, channels } = target;
  const axis = channels ? 1 : rank === undefined ? -1 : rank - 1;
  /** Axes behind the columns. */
  const behind = channels ? rank! - 2 : 0;
  const nodes: NodeProto[] = [];
  let tensor = target.input;
  const emit = (
    type: string,
    part: string,
    inputs: string[],
    attributes: Record<string, number | number[]>,
  ) => {
    const name = editor.fresh(`${layer}/${part}`);
    nodes.push(makeNode(type, name, inputs, [name], attributes));
    return name;
  };
  const constant = (part: string, values: readonly number[]) =>
    editor.addInitializer(int64Tensor(editor.fresh(`${layer}/${part}`), values));

  if (form.gather !== null) {
    const order = editor.addInitializer(int32Tensor(editor.fresh(`${layer}/order`), form.gather));
    // Runtimes gather rows as blocks, and columns number by number. Of a single sample, transposing is renaming.
    const byRows = rank === 2;
    if (byRows) tensor = emit('Transpose', 'gather/columns', [tensor], { perm: [1, 0] });
    tensor = emit('Gather', 'gather', [tensor, order], { axis: byRows ? 0 : axis });
    if (byRows) tensor = emit('Transpose', 'gather/rows', [tensor], { perm: [1, 0] });
  }
  if (form.multiply !== null) {
    const name = editor.fresh(`${layer}/factors`);
    const shape = [form.multiply.length, ...Array<number>(behind).fill(1)];
    editor.addInitializer(floatTensor(name, shape, dataType, form.multiply));
    tensor = emit('Mul', 'multiply', [tensor, name], {});
  }

  const reducedAxes = new Map<number, string>();
  /** Sums over one axis; with `keepdims` it stays, with length 1. */
  const reduce = (source: string, part: string, over: number, keepdims: number): string => {
    if (opset < 13) return emit('ReduceSum', part, [source], { axes: [over], keepdims });
    const from = channels ? over : -1;
    const reduced = reducedAxes.get(from) ?? constant('sum/axis', [from]);
    reducedAxes.set(from, reduced);
    return emit('ReduceSum', part, [source, reduced], { keepdims });
  };
  let sizes: string | undefined;
  /** The sizes of the axes behind the channels, where only the runtime knows them. */
  const sizesBehind = (): string => {
    const full = emit('Shape', 'places/of', [target.input], {});
    const [start, end] = [[2], [rank!]];
    if (opset < 10) return emit('Slice', 'places', [full], { starts: start, ends: end });
    return emit('Slice', 'places', [full, constant('places/start', start), constant('places/end', end)], {});
  };

  /** `[.., count·size]` → `[.., count]`, along the axis of the columns. */
  const sum = (source: string, { count, size }: ClusterGroup): string => {
    // One cluster needs no shape: in layers with a long tail of large clusters that is half of all nodes.
    if (count === 1) return reduce(source, `sum${size}`, axis, 1);
    let shape: string;
    if (channels?.places !== undefined) {
      shape = constant(`shape${size}`, [0, count, size, ...channels.places]);
    } else if (channels !== undefined) {
      sizes ??= sizesBehind();
      shape = emit('Concat', `shape${size}`, [constant(`shape${size}/members`, [0, count, size]), sizes], {
        axis: 0,
      });
    } else if (rank !== undefined) {
      shape = constant(`shape${size}`, [...Array<number>(rank - 1).fill(0), count, size]);
    } else {
      const full = emit('Shape', `shape${size}/of`, [source], {});
      const bounds = [constant(`shape${size}/start`, [0]), constant(`shape${size}/end`, [-1])];
      const leading = emit('Slice', `shape${size}/leading`, [full, ...bounds], {});
      shape = emit('Concat', `shape${size}`, [leading, constant(`shape${size}/members`, [count, size])], {
        axis: 0,
      });
    }
    const members = emit('Reshape', `members${size}`, [source, shape], {});
    return reduce(members, `sum${size}`, channels ? 2 : (rank ?? -1), 0);
  };

  const { groups } = form;
  if (groups.length === 1) {
    const [group] = groups as [ClusterGroup];
    return { nodes, output: group.size === 1 ? tensor : sum(tensor, group) };
  }
  const widths = groups.map(({ size, count }) => size * count);
  const parts = groups.map(({ size }) => editor.fresh(`${layer}/group${size}`));
  const name = editor.fresh(`${layer}/split`);
  nodes.push(
    opset < 13
      ? makeNode('Split', name, [tensor], parts, { axis, split: widths })
      : makeNode('Split', name, [tensor, constant('split/widths', widths)], parts, { axis }),
  );
  const sums = groups.map((group, i) => (group.size === 1 ? parts[i]! : sum(parts[i]!, group)));
  return { nodes, output: emit('Concat', 'clusters', sums, { axis }) };
}
