import { isFloat } from '../format/element-type.js';
import type { Tensor, TensorInfo } from '../format/model-format.js';
import type { GeneratedInputsOptions } from './generated-inputs.js';
import { type ImageLayout, writeImage } from './image-layout.js';
import type { ByteImage } from './image-offspring.js';

/** Turns images into batches of a model's input. */
export class ImageBatches {
  readonly #input: TensorInfo;
  readonly #layout: ImageLayout;
  readonly #options: GeneratedInputsOptions;
  readonly #batch: number;

  constructor(input: TensorInfo, layout: ImageLayout, options: GeneratedInputsOptions) {
    this.#input = input;
    this.#layout = layout;
    this.#options = options;
    this.#batch = input.shape[0] ?? options.batch ?? 100;
  }

  /** Samples in whole batches, where the model fixes their size. */
  get samples(): number {
    const { samples } = this.#options;
    return this.#input.shape[0] === undefined ? samples : Math.ceil(samples / this.#batch) * this.#batch;
  }

  /** @param most samples at a time, where the model does not fix how many */
  *of(images: readonly ByteImage[], most: number = this.#batch): Generator<Record<string, Tensor>> {
    const batch = this.#input.shape[0] ?? Math.min(most, this.#batch);
    const { channels, height, width } = this.#layout;
    const size = channels * height * width;
    const unit = isFloat(this.#input.type) ? 1 / 255 : 1;
    for (let start = 0; start < images.length; start += batch) {
      const part = images.slice(start, start + batch);
      const data = new Float32Array(part.length * size);
      part.forEach((image, i) => {
        writeImage(data.subarray(i * size, (i + 1) * size), image, unit, this.#layout, this.#options);
      });
      const shape = [part.length, ...this.#input.shape.slice(1).map((length) => length!)];
      yield { [this.#input.name]: { shape, data } };
    }
  }
}
