/** Where a convolution looks: what makes its filters matrices over channels. */
export interface FilterWindow {
  /** Positions of a filter along each axis of the image. */
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /**
   * Zeros before and behind each axis; `same-upper` and `same-lower`: as many as leave `⌈size / stride⌉` places, the odd one behind or before.
   * Of a transposed convolution those of the one that it turns round, whose image it makes: `stride · size` places, or for numbers
   * `(size − 1) · stride + reach` less these, which may be negative.
   */
  readonly pads: readonly (readonly [number, number])[] | 'same-upper' | 'same-lower';
  /** Whether it is transposed: position i of what it reads goes to the places `i · stride + tap · dilation − pad`. */
  readonly back?: boolean;
  /** Whether channels are the axis behind the samples, or the last one. */
  readonly channels: 'first' | 'last';
}

/** Rows of W that each output has: the positions of a convolution's filter, 1 for a product. */
export function spanOf({ window }: { readonly window?: FilterWindow | undefined }): number {
  return window?.kernel.reduce((span, size) => span * size, 1) ?? 1;
}
