/** How often layers multiply by weights. */
import { count } from '../../artifacts/json.js';
import type { ProductRule, Shape } from './layer-class.js';
import { product, times } from './shape-rules.js';

/** The values of a slice of a kernel. */
function sizeOf(shape: readonly number[] | undefined, axes: number): number | undefined {
  return shape && product(shape.slice(0, axes));
}

function valuesOf(shape: Shape | undefined): number | undefined {
  return shape && product(shape.slice(1));
}

/** Every value that is made takes one column of the kernel. */
export const perOutput: ProductRule = ({ output, weight }) =>
  times(valuesOf(output), sizeOf(weight('kernel'), -1));

/** Every value that is read goes through one row of the kernel, shape `[…window, outputs, inputs]`. */
export const perInput: ProductRule = ({ input, weight }) =>
  times(valuesOf(input), sizeOf(weight('kernel'), -1));

export const perWindow: ProductRule = ({ output, weight }) =>
  times(valuesOf(output), sizeOf(weight('depthwise_kernel'), -2));

/** At every position both kernels as a whole. */
export const perPosition: ProductRule = ({ def, output, weight }) => {
  const filters = count(def.config.filters);
  const values = valuesOf(output);
  return values === undefined || !filters
    ? undefined
    : times(values / filters, together(weight('depthwise_kernel'), weight('pointwise_kernel')));
};

/** At every step both kernels as a whole. */
export const perStep: ProductRule = ({ input, weight }) =>
  times(input?.[1], together(weight('kernel'), weight('recurrent_kernel')));

function together(...kernels: (readonly number[] | undefined)[]): number | undefined {
  return kernels.reduce<number | undefined>((sum, kernel) => {
    const size = kernel && product(kernel);
    return sum === undefined || size === undefined ? undefined : sum + size;
  }, 0);
}
