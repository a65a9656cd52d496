/**
 * From compressed layers to instructions for the format: what folds is multiplied and reordered into what precedes
 * each layer, what does not fold becomes a gather and a multiply.
 *
 * Layers compose: when fc7 and fc8 are both compressed, fc8's order and factors act on the rows of fc7's centroids,
 * and fc7's own columns were clustered before. The order of compression does not matter.
 */
import { foldsOf } from '../folding/model-folds.js';
import type { FoldPlan } from '../folding/norm-folding.js';
import type { FcLayer, Model } from '../format/model-format.js';
import type { FeatureRewrite, InputForm, LayerRewrite, ModelRewrite } from '../format/model-rewrite.js';
import { type DenseMatrix, denseMatrix } from '../matrix/dense-matrix.js';
import { type ClusterLayout, layOutClusters } from './cluster-layout.js';
import type { CompressedLayer } from './compressed-layer.js';

/** What happens to the rows of a matrix or to parameters per feature: row i of the result is `scales[i] · row[order[i]]`. */
type RowTransform = Pick<FeatureRewrite, 'order' | 'scales'>;

export interface RewriteOptions {
  /** `explicit` folds nothing: every layer gets its gather and multiply. For comparisons. Default `fold`. */
  readonly folding?: 'fold' | 'explicit' | undefined;
  /** Layers whose factors stay explicit while their order folds, with the reason. Default: none. */
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
  const inputs = new Map<string, InputForm>();
  const rowTransforms = new Map<string, RowTransform>();
  const features: FeatureRewrite[] = [];
  for (const layer of model.layers) {
    const compressedLayer = compressed.get(layer.name);
    if (!compressedLayer) continue;
    const explicit = options.explicitScales?.get(layer.name);
    const planned = options.folding === 'explicit' ? EXPLICIT : foldsOf(model).get(layer.name)!;
    const fold = explicit === undefined ? planned : withExplicitScales(planned, explicit);
    const layout = layOutClusters(compressedLayer, fold.orderInto === null ? undefined : model.layout);
    folds.set(layer.name, fold);
    layouts.set(layer.name, layout);
    inputs.set(layer.name, inputForm(fold, layout, compressedLayer.scales));
    const order = isIdentity(layout.order, layer.inputs) ? null : layout.order;
    const scales = nullIfOnes(pick(compressedLayer.scales, layout.order));
    if (fold.orderInto === null) {
      const inPlace = nullIfOnes(
        compressedLayer.scales.map((s, j) => (compressedLayer.assignment[j]! < 0 ? 1 : s)),
      );
      for (const step of fold.steps)
        features.push({ operation: step.operation, order: null, scales: inPlace });
      continue;
    }
    for (const step of fold.steps)
      features.push({ operation: step.operation, order, scales: step.scale ? scales : null });
    const transform = { order, scales: fold.scaleInto === fold.orderInto ? scales : null };
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
  const changed = features.filter(({ order, scales }) => order !== null || scales !== null);
  return { folds, rewrite: { layers, features: changed } };
}

/** The fold of the order alone. */
function withExplicitScales(fold: FoldPlan, why: string): FoldPlan {
  if (fold.scaleInto === null) return fold;
  const { orderInto } = fold;
  return {
    ...fold,
    scaleInto: null,
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
  input: InputForm | undefined,
  rows: RowTransform | undefined,
): LayerRewrite[] {
  if (!compressed && !(rows && (rows.order || rows.scales))) return [];
  const weights = compressed ? compressed.centroids : model.weights(layer.name);
  const bias = compressed?.bias ?? model.bias(layer.name);
  return [
    {
      layer: layer.name,
      weights: transformMatrix(weights, rows, layout?.clusters),
      bias: bias ? transformVector(bias, rows) : null,
      input: input ?? null,
    },
  ];
}

/** Rows scaled and reordered by `rows`, columns reordered by `columns`. */
function transformMatrix(
  matrix: DenseMatrix,
  rows: RowTransform | undefined,
  columns: Int32Array | undefined,
): DenseMatrix {
  const height = rows?.order?.length ?? matrix.rows;
  const width = columns?.length ?? matrix.cols;
  const result = denseMatrix(height, width);
  for (let i = 0; i < height; i++) {
    const from = (rows?.order ? rows.order[i]! : i) * matrix.cols;
    const scale = rows?.scales ? rows.scales[i]! : 1;
    for (let j = 0; j < width; j++) {
      result.data[i * width + j] = scale * matrix.data[from + (columns ? columns[j]! : j)]!;
    }
  }
  return result;
}

function transformVector(values: Float32Array, rows: RowTransform | undefined): Float32Array {
  const reordered = rows?.order ? pick(values, rows.order) : values;
  return rows?.scales ? reordered.map((value, i) => value * rows.scales![i]!) : reordered;
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
