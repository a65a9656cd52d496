/**
 * The layer `SpherizeColumnGather`: picks positions along the last axis.
 *
 * A compressed model contains it only where the order of the columns cannot move into the layer before, such as after a
 * convolution and Flatten. Whoever loads such a model registers it first.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { COLUMN_GATHER } from './column-gather-name.js';

type LayerArgs = ConstructorParameters<typeof tfl.layers.Layer>[0];

export class ColumnGather extends tfl.layers.Layer {
  static readonly className: string = COLUMN_GATHER;
  readonly #columns: number;

  /** @param config `columns`: how many positions are picked. Which ones is the int32 weight `order`. */
  constructor(config: LayerArgs & { columns: number }) {
    super(config);
    this.#columns = config.columns;
  }

  override build(): void {
    const zeros = tfl.initializers.zeros();
    this.addWeight('order', [this.#columns], 'int32', zeros, undefined, false);
    this.built = true;
  }

  override computeOutputShape(inputShape: tfl.Shape): tfl.Shape {
    return [...inputShape.slice(0, -1), this.#columns];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    return tf.tidy(() => tf.gather(input, this.weights[0]!.read() as tf.Tensor1D, input.rank - 1));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), columns: this.#columns };
  }
}

/** Makes TensorFlow.js able to load models that contain the layer. Needs to be called once; more often does no harm. */
export function registerColumnGather(): void {
  tf.serialization.registerClass(ColumnGather, 'Spherize');
}
