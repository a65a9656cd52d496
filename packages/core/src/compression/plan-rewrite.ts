/**
 * From compressed layers to instructions for the format: what folds is multiplied, reordered and added up into what precedes
 * each layer, what does not fold becomes a gather, a multiply and a sum.
 *
 * Layers compose: when fc7 and fc8 are both compressed, fc8's order, factors and sums act on the rows of fc7's centroids,
 * and fc7's own columns were clustered before. The order of compression does not matter.
 */
import { foldsOf } from '../folding/model-folds.js';
import type { FoldPlan, FoldStep } from '../folding/norm-folding.js';
import { spanOf } from '../format/filter-window.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { FeatureRewrite, InputForm, LayerRewrite, ModelRewrite } from '../format/model-rewrite.js';
import { type FeatureTransform, featuresAfter, transformFeatures } from '../format/transform-features.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { type ClusterLayout, layOutClusters } from './cluster-layout.js';
import type { CompressedLayer } from './compressed-layer.js';

export interface RewriteOptions {
  /** `explicit` folds nothing: every layer gets its gather and multiply. For comparisons. Default `fold`. */
  readonly folding?: 'fold' | 'explicit' | undefined;
  /** Layers whose factors and sums stay explicit while their order folds, with the reason. Default: none. */
  readonly explicitScales?: ReadonlyMap<string, string> | undefined;
}

/** The fold plans by layer and the instructions that carry them out. */
export interface RewritePlan {
  readonly folds: ReadonlyMap<string, FoldPlan>;
  readonly rewrite: ModelRewrite;
}

const EXPLICIT: FoldPlan = {
  scaleInto: null,
  orderInto: null,
  sumInto: null,
  targetIsLayer: false,
  path: [],
  steps: [],
  reason: 'explicit by request',
};

/** @param compressed compressed layers of the model by name */
export function planRewrite(
  model: Model,
  compressed: ReadonlyMap<string, CompressedLayer>,
  options: RewriteOptions = {},
): RewritePlan {
  const folds = new Map<string, FoldPlan>();
  const layouts = new Map<string, ClusterLayout>();
  const inputs = new Map<string, InputForm | null>();
  const rowTransforms = new Map<string, FeatureTransform>();
  const features: FeatureRewrite[] = [];
  for (const layer of model.layers) {
    const compressedLayer = compressed.get(layer.name);
    if (!compressedLayer) continue;
    const explicit = options.explicitScales?.get(layer.name);
    const planned = options.folding === 'explicit' ? EXPLICIT : foldsOf(model).get(layer.name)!;
    const fold = explicit === undefined ? planned : withExplicitScales(planned, explicit);
    const summed = fold.sumInto !== null;
    const layout = layOutClusters(
      compressedLayer,
      fold.orderInto === null || summed ? undefined : model.layout,
    );
    folds.set(layer.name, fold);
    layouts.set(layer.name, layout);
    inputs.set(layer.name, summed ? null : inputForm(fold, layout, compressedLayer.scales));
    const order = isIdentity(layout.order, layer.inputs) ? null : layout.order;
    if (fold.orderInto === null) {
      const inPlace = nullIfOnes(
        compressedLayer.scales.map((s, j) => (compressedLayer.assignment[j]! < 0 ? 1 : s)),
      );
      for (const step of fold.steps)
        features.push({ operation: step.operation, order: null, scales: inPlace });
      continue;
    }
    const adds = summed && (layout.groups.some(({ size }) => size > 1) || fold.steps.some(hasFactors));
    const sums = adds ? { sums: layout.groups } : {};
    let factors = compressedLayer.scales;
    const scalesHere = (): Float32Array | null => nullIfOnes(pick(factors, layout.order));
    for (const step of fold.steps) {
      const { operation } = step;
      features.push({ operation, order, scales: step.scale ? scalesHere() : null, ...sums });
      // What precedes the operation takes its own factors as well.
      if (adds && hasFactors(step)) factors = factors.map((factor, j) => factor * step.factors[j]!);
    }
    const transform = { order, scales: fold.scaleInto === fold.orderInto ? scalesHere() : null, ...sums };
    if (fold.targetIsLayer) rowTransforms.set(fold.orderInto, transform);
    else features.push({ operation: fold.orderInto, ...transform });
  }
  const layers = model.layers.flatMap((layer) =>
    rewriteLayer(
      model,
      layer,
      compressed.get(layer.name),
      layouts.get(layer.name),
      inputs.get(layer.name),
      rowTransforms.get(layer.name),
    ),
  );
  const changed = features.filter(isChange);
  return { folds, rewrite: { layers, features: changed } };
}

function hasFactors(step: FoldStep): step is FoldStep & { factors: Float32Array } {
  return step.factors !== undefined;
}

function isChange({ order, scales, sums }: FeatureTransform): boolean {
  return order !== null || scales !== null || sums !== undefined;
}

/** The fold of the order alone. */
function withExplicitScales(fold: FoldPlan, why: string): FoldPlan {
  if (fold.scaleInto === null) return fold;
  const { orderInto } = fold;
  return {
    ...fold,
    scaleInto: null,
    sumInto: null,
    steps: orderInto === null ? [] : fold.steps.map((step) => ({ ...step, scale: false })),
    reason: orderInto === null ? why : `${why}; the order folds into ${orderInto}`,
  };
}

function inputForm(fold: FoldPlan, layout: ClusterLayout, scales: Float32Array): InputForm {
  return {
    gather: fold.orderInto === null && !isIdentity(layout.order, scales.length) ? layout.order : null,
    multiply: fold.scaleInto === null ? nullIfOnes(pick(scales, layout.order)) : null,
    groups: layout.groups,
  };
}

function rewriteLayer(
  model: Model,
  layer: FcLayer,
  compressed: CompressedLayer | undefined,
  layout: ClusterLayout | undefined,
  input: InputForm | null | undefined,
  rows: FeatureTransform | undefined,
): LayerRewrite[] {
  if (!compressed && !(rows && isChange(rows))) return [];
  const weights = compressed ? compressed.centroids : model.weights(layer.name);
  const bias = compressed?.bias ?? model.bias(layer.name);
  return [
    {
      layer: layer.name,
      weights: transformMatrix(weights, spanOf(layer), rows, layout?.clusters),
      bias: bias ? transformVector(bias, rows) : null,
      input: input ?? null,
    },
  ];
}

/** Rows changed by `rows`, those of one output together; columns reordered by `columns`. */
function transformMatrix(
  matrix: DenseMatrix,
  span: number,
  rows: FeatureTransform | undefined,
  columns: Int32Array | undefined,
): DenseMatrix {
  const { rows: height, cols: width, data } = matrix;
  const changed =
    rows && isChange(rows)
      ? denseMatrix(
          featuresAfter(rows, height / span) * span,
          width,
          transformFeatures(data, [1, height / span, span * width], rows),
        )
      : matrix;
  return columns ? withColumns(changed, columns) : changed;
}

function withColumns({ rows, cols, data }: DenseMatrix, columns: Int32Array): DenseMatrix {
  const result = denseMatrix(rows, columns.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns.length; j++) {
      result.data[i * columns.length + j] = data[i * cols + columns[j]!]!;
    }
  }
  return result;
}

function transformVector(values: Float32Array, rows: FeatureTransform | undefined): Float32Array {
  return rows && isChange(rows) ? transformFeatures(values, [1, values.length, 1], rows) : values;
}

function pick(values: Float32Array, positions: Int32Array): Float32Array {
  return Float32Array.from(positions, (position) => values[position]!);
}

function nullIfOnes(values: Float32Array): Float32Array | null {
  return values.every((value) => value === 1) ? null : values;
}

function isIdentity(order: Int32Array, size: number): boolean {
  return order.length === size && order.every((position, i) => position === i);
}
