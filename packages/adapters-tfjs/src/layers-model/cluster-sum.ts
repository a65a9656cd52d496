/** The layers that bring a Dense layer's input from n columns to k clusters, all but the gather of TensorFlow.js's own. */
import type { InputForm } from '@spherize/core';
import type { JsonObject } from '../artifacts/json.js';
import { floatWeight, intWeight, type Weight } from '../artifacts/weights.js';
import { type ClusterBlocks, memberSums, total } from './cluster-blocks.js';
import { COLUMN_GATHER } from './column-gather-name.js';
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
 * Emits the form for an input of shape `[batch, ...leading, n]`.
 *
 * @param blocks undefined when all clusters have one member
 */
export function clusterSum(
  target: ClusterSumTarget,
  form: InputForm,
  blocks: ClusterBlocks | undefined,
): ClusterSum {
  const { leading } = target;
  const emitter = new Emitter(target);
  const rows = leading.reduce((product, size) => product * size, 1);
  let columns = form.groups.reduce((sum, { size, count }) => sum + size * count, 0);
  let tensor = target.input;

  if (form.gather !== null) {
    tensor = emitter.emit(COLUMN_GATHER, 'gather', [tensor], { columns });
    emitter.weight('gather', 'order', (name) => intWeight(name, [columns], form.gather!));
  }
  if (form.multiply !== null) {
    // A product per channel: a depthwise convolution of one pixel's size.
    tensor = emitter.emit('Reshape', 'pixels', [tensor], { target_shape: [rows, 1, columns] });
    tensor = emitter.emit('DepthwiseConv2D', 'factors', [tensor], {
      kernel_size: [1, 1],
      strides: [1, 1],
      padding: 'valid',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      depth_multiplier: 1,
      activation: 'linear',
      use_bias: false,
    });
    emitter.weight('factors', 'depthwise_kernel', (name) =>
      floatWeight(name, [1, 1, columns, 1], form.multiply!),
    );
    if (blocks === undefined) tensor = emitter.shape('scaled', tensor, leading, columns);
  }
  if (blocks === undefined) return { ...emitter.result, output: tensor };

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
      floatWeight(name, [total(members), members.length], memberSums(members)),
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
