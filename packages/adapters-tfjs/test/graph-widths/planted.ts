/** Graphs whose weights repeat themselves: of a width of 2n features, the second n are duplicates of the first. */
import { GraphBuilder, randomValues } from '../build-graph-model.js';

type Attributes = Record<string, unknown>;

/** Builds graphs with names of its own, weights that repeat themselves along chosen axes, and the nodes of layers. */
export class PlantedBuilder extends GraphBuilder {
  #count = 0;

  fresh(stem: string): string {
    return `${stem}_${++this.#count}`;
  }

  op(op: string, input: string[], attr: Attributes = {}): string {
    return this.node(op, this.fresh(op.toLowerCase()), input, attr);
  }

  ints(values: readonly number[], shape: boolean | readonly number[] = false): string {
    return this.integers(this.fresh('integers'), values, shape);
  }

  scalar(value: number): string {
    return this.weight(this.fresh('scalar'), [], Float32Array.of(value));
  }

  /** @param halves the axes whose second half repeats the first */
  repeated(name: string, shape: readonly number[], halves: readonly number[]): string {
    return this.weight(name, shape, repeatedValues(shape, halves, name.length + shape.length));
  }

  dense(x: string, name: string, inputs: number, outputs: number): string {
    const product = this.op('MatMul', [x, this.repeated(`${name}/kernel`, [inputs, outputs], [1])]);
    return this.op('BiasAdd', [product, this.repeated(`${name}/bias`, [outputs], [0])]);
  }

  /** On the last axis of tensors of more axes. */
  denseBehind(x: string, name: string, inputs: number, outputs: number): string {
    const product = this.op('BatchMatMulV2', [x, this.repeated(`${name}/kernel`, [inputs, outputs], [1])]);
    return this.op('AddV2', [product, this.repeated(`${name}/bias`, [outputs], [0])]);
  }

  conv(
    x: string,
    name: string,
    [size, inputs, outputs]: readonly [number, number, number],
    activation?: string,
  ): string {
    const filters = this.repeated(`${name}/kernel`, [size, size, inputs, outputs], [3]);
    const bias = this.repeated(`${name}/bias`, [outputs], [0]);
    const operations = ['BiasAdd', ...(activation ? [activation] : [])];
    const slopes = activation === 'Prelu' ? [this.repeated(`${name}/slopes`, [1, 1, outputs], [2])] : [];
    return this.fused('_FusedConv2D', this.fresh('conv'), [x, filters, bias, ...slopes], operations, IMAGE);
  }

  depthwise(x: string, name: string, size: number, channels: number): string {
    const filters = this.repeated(`${name}/kernel`, [size, size, channels, 1], [2]);
    return this.op('DepthwiseConv2dNative', [x, filters], IMAGE);
  }

  norm(x: string, channels: number): string {
    const vectors = ['scale', 'shift', 'mean'].map((name) =>
      this.repeated(this.fresh(name), [channels], [0]),
    );
    const squares = repeatedValues([channels], [0], 5).map((value) => value * value + 0.5);
    const variance = this.weight(this.fresh('variance'), [channels], squares);
    return this.op('FusedBatchNormV3', [x, ...vectors, variance], {
      ...IMAGE,
      epsilon: { f: 1e-3 },
      is_training: { b: false },
    });
  }
}

const list = (...values: number[]) => ({ list: { i: values.map(String) } });

export const IMAGE: Attributes = {
  data_format: { s: btoa('NHWC') },
  padding: { s: btoa('SAME') },
  strides: list(1, 1, 1, 1),
  dilations: list(1, 1, 1, 1),
};

export const POOL: Attributes = { ...IMAGE, strides: list(1, 2, 2, 1), ksize: list(1, 2, 2, 1) };

export function repeatedValues(
  shape: readonly number[],
  halves: readonly number[],
  seed: number,
): Float32Array {
  const size = shape.reduce((all, length) => all * length, 1);
  const values = randomValues(size, seed);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((all, length) => all * length, 1));
  return values.map((_, at) => {
    let from = at;
    for (const axis of halves) {
      const half = shape[axis]! / 2;
      const place = Math.floor(at / strides[axis]!) % shape[axis]!;
      if (place >= half) from -= half * strides[axis]!;
    }
    return values[from]!;
  });
}
