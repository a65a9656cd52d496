/**
 * A convolution is a product over patches: `y[o] = Σ_s Σ_j W[o·span + s, j] · x[s, j]` at every place, where x[s] holds the channels under position
 * s of the filter; of a transposed convolution those that it brings to the place, zeros where strides leave it out. The rows `[outputs·span, n]` of W are, in memory, those `[outputs, span·n]` of a matrix over patches.
 */
import type { CompressedLayer } from '../compression/compressed-layer.js';
import { float32Values } from '../format/element-type.js';
import { type FilterWindow, spanOf } from '../format/filter-window.js';
import type { Tensor } from '../format/model-format.js';
import { tensorIndex } from '../format/tensor-index.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { evenlySpread } from '../random.js';

/** The most numbers that the patches of one batch may be. */
const MOST_NUMBERS = 2 ** 25;

/** W over patches, shape `[outputs, span·n]`; the values are shared. */
export function overPatches({ rows, cols, data }: DenseMatrix, span: number): DenseMatrix {
  return denseMatrix(rows / span, cols * span, data);
}

/** A compressed convolution as a product over patches: each position of the filter has the clusters to itself. */
export function layerOverPatches(layer: CompressedLayer, span: number): CompressedLayer {
  if (span === 1) return layer;
  const { assignment, scales, centroids } = layer;
  const n = assignment.length;
  return {
    ...layer,
    assignment: Int32Array.from({ length: span * n }, (_, p) => {
      const c = assignment[p % n]!;
      return c < 0 ? c : Math.floor(p / n) * centroids.cols + c;
    }),
    scales: Float32Array.from({ length: span * n }, (_, p) => scales[p % n]!),
    centroids: overPatches(centroids, span),
  };
}

/**
 * What a convolution reads at some of its places, the same ones for every tensor of this shape: shape `[rows, span·n]`.
 *
 * @param rows wanted of all samples; they are spread over the image, all of its places where there are fewer
 * @param batch the batch's number: others give other places
 */
export function patchesOf(
  tensor: Tensor,
  { window, inputs }: { readonly window: FilterWindow; readonly inputs: number },
  rows: number,
  batch: number,
): DenseMatrix {
  const { kernel, strides, dilations, channels, back = false } = window;
  const { shape } = tensor;
  const values = float32Values(tensor);
  const samples = shape[0]!;
  const sizes = channels === 'first' ? shape.slice(2) : shape.slice(1, -1);
  const positions = sizes.reduce((product, size) => product * size, 1);
  const [apart, step] = channels === 'first' ? [positions, 1] : [1, inputs];
  const [places, pads] = placesOf(window, sizes);
  const total = places.reduce((product, size) => product * size, 1);
  const span = spanOf({ window });
  const most = Math.floor(MOST_NUMBERS / (span * inputs));
  const each = Math.max(1, Math.min(total, Math.ceil(Math.min(rows, most) / samples)));
  const taps = Array.from({ length: span }, (_, s) =>
    tensorIndex(s, kernel).map((k, axis) => (k * dilations[axis]! - pads[axis]!) * (back ? -1 : 1)),
  );
  const result = denseMatrix(total === 0 ? 0 : samples * each, span * inputs);
  for (let row = 0; row < result.rows; row++) {
    const sample = Math.floor(row / each);
    const place = each === total ? row % each : Math.floor(evenlySpread((batch + 1) * samples + row) * total);
    const corner = tensorIndex(place, places).map((at, axis) => (back ? at : at * strides[axis]!));
    for (const [s, tap] of taps.entries()) {
      let position = 0;
      let inside = true;
      for (const [axis, size] of sizes.entries()) {
        const at = (corner[axis]! + tap[axis]!) / (back ? strides[axis]! : 1);
        inside &&= at >= 0 && at < size && Number.isInteger(at);
        position = position * size + at;
      }
      if (!inside) continue;
      const from = sample * inputs * positions + position * step;
      const to = row * result.cols + s * inputs;
      for (let j = 0; j < inputs; j++) result.data[to + j] = values[from + j * apart]!;
    }
  }
  return result;
}

/** How many places a filter has along each axis, and the zeros before the first of them. */
function placesOf(
  { kernel, strides, dilations, pads, back = false }: FilterWindow,
  sizes: readonly number[],
): [number[], number[]] {
  const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  if (typeof pads === 'object') {
    const places = sizes.map((size, axis) => {
      const [before, behind] = pads[axis]!;
      const [step, window] = [strides[axis]!, reach[axis]!];
      return back
        ? Math.max(0, (size - 1) * step + window - before - behind)
        : Math.max(0, Math.floor((size + before + behind - window) / step) + 1);
    });
    return [places, pads.map(([before]) => before)];
  }
  const places = sizes.map((size, axis) => (back ? size * strides[axis]! : Math.ceil(size / strides[axis]!)));
  const zeros = sizes.map((size, axis) => {
    const [image, of] = back ? [places[axis]!, size] : [size, places[axis]!];
    return Math.max(0, (of - 1) * strides[axis]! + reach[axis]! - image);
  });
  return [places, zeros.map((all) => (pads === 'same-upper' ? Math.floor(all / 2) : Math.ceil(all / 2)))];
}
