/** The layers that bring a layer's input from n columns to k clusters, all of TensorFlow.js's own. */
import type { InputForm } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { bitWeight, pointwiseSum } from '../artifacts/member-sums.js';
import { floatWeight, type Weight } from '../artifacts/weights.js';
import { type ClusterBlocks, memberSums, total } from './cluster-blocks.js';
import type { StagedColumns } from './column-stages.js';
import { type LayerDef, outputOf, type TensorRef } from './layer-graph.js';

export interface ClusterSumTarget {
  /** Stem of all new names. */
  readonly layer: string;
  readonly input: TensorRef;
  /** Sizes of the axes between batch and features. */
  readonly leading: readonly number[];
  /** Gives a name that no layer has. */
  readonly fresh: (name: string) => string;
}

export interface ClusterSum {
  readonly layers: readonly LayerDef[];
  readonly weights: readonly Weight[];
  /** The tensor of shape `[.., k]` that they end in. */
  readonly output: TensorRef;
}

/**
 * Emits the form for an input of shape `[batch, ...leading, n]` whose columns lie as the blocks want them.
 */
export function clusterSum(target: ClusterSumTarget, form: InputForm, blocks: ClusterBlocks): ClusterSum {
  const { leading } = target;
  const emitter = new Emitter(target);
  const rows = leading.reduce((product, size) => product * size, 1);
  let columns = form.groups.reduce((sum, { size, count }) => sum + size * count, 0);
  let tensor = target.input;
  const alone = form.groups.every(({ size }) => size === 1);

  if (form.multiply !== null) {
    tensor = emitter.factors(tensor, rows, form.multiply);
    if (alone) tensor = emitter.shape('scaled', tensor, leading, columns);
  }
  if (alone) return { ...emitter.result, output: tensor };

  const { sizes, rest } = blocks;
  const inner = total(sizes);
  const outer = total(rest);
  const crop = (part: string, from: number, to: number): TensorRef =>
    emitter.emit('Cropping2D', part, [tensor], {
      cropping: [
        [0, 0],
        [from, columns - to],
      ],
      data_format: 'channels_last',
    });
  const sum = (part: string, source: TensorRef, members: readonly number[]): TensorRef => {
    if (members.every((size) => size === 1)) return source;
    const output = emitter.emit('Dense', part, [source], {
      units: members.length,
      activation: 'linear',
      use_bias: false,
    });
    emitter.weight(part, 'kernel', (name) =>
      bitWeight(name, [total(members), members.length], memberSums(members)),
    );
    return output;
  };
  const whole = blocks.blocks * inner;
  if (outer > 0) tensor = emitter.emit('Reshape', 'columns', [tensor], { target_shape: [rows, columns, 1] });
  const main = outer > 0 ? crop('even', 0, whole) : tensor;
  const dealt = emitter.emit('Reshape', 'blocks', [main], { target_shape: [rows * blocks.blocks, inner] });
  const sums = emitter.shape('sums', sum('members', dealt, sizes), leading, blocks.blocks * sizes.length);
  if (outer === 0) return { ...emitter.result, output: sums };
  const odd = emitter.shape('rest', crop('odd', whole, columns), leading, outer);
  columns = blocks.blocks * sizes.length + rest.length;
  tensor = emitter.emit('Concatenate', 'clusters', [sums, sum('rest_members', odd, rest)], { axis: -1 });
  return { ...emitter.result, output: tensor };
}

/** Emits what picks, orders and sums the columns of an input of shape `[batch, ...leading, n]` as they come. */
export function stagedSum(
  target: ClusterSumTarget,
  { columns, factors, stages: { padded, stages, clusters } }: StagedColumns,
): ClusterSum {
  const { leading } = target;
  const emitter = new Emitter(target);
  const rows = leading.reduce((product, size) => product * size, 1);
  let tensor = factors === null ? target.input : emitter.factors(target.input, rows, factors);
  if (padded > columns) {
    tensor = emitter.emit('Reshape', 'columns', [tensor], { target_shape: [rows, columns, 1] });
    tensor = emitter.emit('ZeroPadding2D', 'padded', [tensor], {
      padding: [
        [0, 0],
        [0, padded - columns],
      ],
      data_format: 'channels_last',
    });
  }
  stages.forEach(({ width, blocks, outputs, kernel }, i) => {
    const [shaped, part] = [`stage${i + 1}_blocks`, `stage${i + 1}`];
    tensor = emitter.emit('Reshape', shaped, [tensor], { target_shape: [rows, width, blocks] });
    tensor = emitter.depthwise(part, tensor, [1, width], outputs);
    emitter.weight(part, 'depthwise_kernel', (name) => bitWeight(name, [1, width, blocks, outputs], kernel));
  });
  return { ...emitter.result, output: emitter.shape('clusters', tensor, leading, clusters.length) };
}

/** Emits the form for an image of n channels as a convolution that looks at one position. */
export function pointwiseLayer(
  target: ClusterSumTarget,
  columns: number,
  axes: number,
  form: InputForm,
): ClusterSum {
  const emitter = new Emitter(target);
  const ones = Array<number>(axes).fill(1);
  const kernel = pointwiseSum('', columns, axes, form);
  const output = emitter.emit(`Conv${axes}D`, 'members', [target.input], {
    filters: kernel.spec.shape.at(-1)!,
    kernel_size: ones,
    strides: ones,
    padding: 'valid',
    data_format: 'channels_last',
    dilation_rate: ones,
    activation: 'linear',
    use_bias: false,
  });
  emitter.weight('members', 'kernel', (name) => ({ ...kernel, spec: { ...kernel.spec, name } }));
  return { ...emitter.result, output };
}

class Emitter {
  readonly #target: ClusterSumTarget;
  readonly #layers: LayerDef[] = [];
  readonly #weights: Weight[] = [];
  readonly #names = new Map<string, string>();

  constructor(target: ClusterSumTarget) {
    this.#target = target;
  }

  get result(): { layers: readonly LayerDef[]; weights: readonly Weight[] } {
    return { layers: this.#layers, weights: this.#weights };
  }

  emit(className: string, part: string, inputs: readonly TensorRef[], config: JsonObject): TensorRef {
    const name = this.#target.fresh(`${this.#target.layer}_${part}`);
    this.#names.set(part, name);
    this.#layers.push({
      name,
      className,
      config: { name, trainable: true, dtype: 'float32', ...config },
      calls: [{ inputs, options: inputs.map(() => ({})) }],
    });
    return outputOf(name);
  }

  /** Multiplies columns, and gives them the shape `[batch, rows, 1, columns]`. */
  factors(input: TensorRef, rows: number, factors: Float32Array): TensorRef {
    // A product per channel: a depthwise convolution of one pixel's size.
    const pixels = this.emit('Reshape', 'pixels', [input], { target_shape: [rows, 1, factors.length] });
    const output = this.depthwise('factors', pixels, [1, 1], 1);
    this.weight('factors', 'depthwise_kernel', (name) =>
      floatWeight(name, [1, 1, factors.length, 1], factors),
    );
    return output;
  }

  depthwise(part: string, input: TensorRef, kernel: readonly [number, number], outputs: number): TensorRef {
    return this.emit('DepthwiseConv2D', part, [input], {
      kernel_size: [...kernel],
      strides: [1, 1],
      padding: 'valid',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      depth_multiplier: outputs,
      activation: 'linear',
      use_bias: false,
    });
  }

  /** Gives a tensor the shape `[batch, ...leading, width]`. */
  shape(part: string, input: TensorRef, leading: readonly number[], width: number): TensorRef {
    return leading.length === 0
      ? this.emit('Flatten', part, [input], { data_format: 'channels_last' })
      : this.emit('Reshape', part, [input], { target_shape: [...leading, width] });
  }

  weight(part: string, weight: string, make: (name: string) => Weight): void {
    this.#weights.push(make(`${this.#names.get(part)}/${weight}`));
  }
}
