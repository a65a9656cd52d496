import type { FeatureRewrite } from './model-rewrite.js';

/** What happens to the rows of a matrix or to parameters per feature. */
export type FeatureTransform = Pick<FeatureRewrite, 'order' | 'scales' | 'sums'>;

/** How many features there are after a transform. */
export function featuresAfter({ order, sums }: FeatureTransform, features: number): number {
  return sums?.reduce((total, { count }) => total + count, 0) ?? order?.length ?? features;
}

/**
 * Values per feature, reordered, multiplied and added up: those of feature i of the result are `Σ scales[p] · values of order[p]` over the
 * members p of its group, a single one where nothing is added up. Sums are formed in float64.
 *
 * @param shape `[outer, features, inner]`, row-major: what lies before and behind the axis of the features
 * @param scaling whether values are multiplied or divided by the factors; default `multiply`
 * @returns shape `[outer, featuresAfter(transform, features), inner]`
 */
export function transformFeatures(
  values: Float32Array,
  [outer, features, inner]: readonly [number, number, number],
  transform: FeatureTransform,
  scaling: 'multiply' | 'divide' = 'multiply',
): Float32Array {
  const { order, scales, sums } = transform;
  const after = featuresAfter(transform, features);
  const groups = sums ?? [{ size: 1, count: after }];
  const result = new Float32Array(outer * after * inner);
  const sum = new Float64Array(inner);
  for (let row = 0; row < outer; row++) {
    let position = 0;
    let to = row * after * inner;
    for (const { size, count } of groups) {
      for (let i = 0; i < count; i++, to += inner) {
        for (let member = 0; member < size; member++, position++) {
          const from = (row * features + (order ? order[position]! : position)) * inner;
          const scale = scales ? scales[position]! : 1;
          for (let j = 0; j < inner; j++) {
            const value = values[from + j]!;
            const scaled = scaling === 'multiply' ? value * scale : value / scale;
            // Not added to zero: the zero of a single member keeps its sign.
            sum[j] = member === 0 ? scaled : sum[j]! + scaled;
          }
        }
        result.set(sum, to);
      }
    }
  }
  return result;
}
