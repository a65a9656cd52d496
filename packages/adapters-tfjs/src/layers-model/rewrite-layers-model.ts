/** Carries out core's instructions on a LayersModel. */
import {
  type DenseMatrix,
  denseMatrix,
  type InputForm,
  type LayerRewrite,
  type ModelRewrite,
  spanOf,
  type WidthChange,
} from '@spherize/core';
import { storedAs } from '../artifacts/storage.js';
import { floatWeight, type Weight, type Weights } from '../artifacts/weights.js';
import { classOf } from './classes/class-table.js';
import { blocksOf } from './cluster-blocks.js';
import { type ClusterSum, clusterSum, pointwiseLayer, stagedSum } from './cluster-sum.js';
import { type StagedColumns, stagedColumns } from './column-stages.js';
import type { DenseLayer } from './fc-layers.js';
import { rewriteFeatures } from './feature-parameters.js';
import type { LayerDef, LayerGraph } from './layer-graph.js';
import { kernelOfRows } from './layer-kernels.js';
import type { LayersModelFacts } from './layers-model-facts.js';
import { sumsByProduct } from './most-clusters.js';

/** @param widths what `checkRewrite` found out about the rewrite */
export function rewriteLayersModel(
  facts: LayersModelFacts,
  rewrite: ModelRewrite,
  widths: ReadonlyMap<string, WidthChange>,
): { graph: LayerGraph; weights: Weights } {
  const weights = new Map(
    // An optimizer's state fits the old shapes only.
    [...facts.weights].filter(([, { spec }]) => spec.group !== 'optimizer'),
  );
  const taken = new Set(facts.graph.layers.map(({ name }) => name));
  const fresh = (name: string): string => {
    let unique = name;
    for (let count = 2; taken.has(unique); count++) unique = `${name}_${count}`;
    taken.add(unique);
    return unique;
  };
  const current = new Map<LayerDef, LayerDef>();
  const before = new Map<LayerDef, readonly LayerDef[]>();
  for (const change of rewrite.layers) {
    const target = facts.layer(change.layer);
    const { input, weights: matrix } = change;
    const reads =
      [...widths.values()].find(({ reader }) => reader === change.layer)?.to ?? target.layer.inputs;
    const { sum, staged } = input === null ? {} : sumBefore(target, reads, input, fresh);
    const stored = staged ? withColumns(matrix, staged.stages.clusters) : matrix;
    let def = withWeights(facts, { ...change, weights: stored }, weights);
    if (sum !== undefined) {
      const [call] = target.def.calls;
      for (const weight of sum.weights) weights.set(weight.spec.name, weight);
      if (sum.layers.length > 0) {
        before.set(target.def, sum.layers);
        // A first layer that says its input's shape now reads another one.
        const { batch_input_shape: _, ...config } = def.config;
        def = { ...def, config, calls: [{ inputs: [sum.output], options: call!.options }] };
      }
    }
    current.set(target.def, def);
    follow(facts, widths.get(change.layer), current);
  }
  for (const change of rewrite.features) {
    const def = facts.def(change.operation);
    current.set(
      def,
      rewriteFeatures(current.get(def) ?? def, change, facts.factsOf(def, 0).before, weights, facts.names),
    );
    follow(facts, widths.get(change.operation), current);
  }
  const graph = {
    ...facts.graph,
    layers: facts.graph.layers.flatMap((def) => [...(before.get(def) ?? []), current.get(def) ?? def]),
  };
  return { graph, weights };
}

/**
 * What brings a layer's input to its clusters.
 *
 * @param reads features that the layer reads now
 * @returns with the stages where the layer's columns have to follow these
 */
function sumBefore(
  { layer, def, leading }: DenseLayer,
  reads: number,
  input: InputForm,
  fresh: (name: string) => string,
): { sum: ClusterSum; staged?: StagedColumns } {
  const place = { layer: layer.name, input: def.calls[0]!.inputs[0]!, leading: leading as number[], fresh };
  const blocks = input.gather === null ? blocksOf(input.groups) : undefined;
  const alone = input.groups.every(({ size }) => size === 1);
  const nothing = blocks !== undefined && input.multiply === null && alone;
  if (!nothing && sumsByProduct(layer, leading, blocks !== undefined)) {
    return { sum: pointwiseLayer(place, reads, leading.length, input) };
  }
  if (blocks !== undefined) return { sum: clusterSum(place, input, blocks) };
  const staged = stagedColumns(reads, input);
  return { sum: stagedSum(place, staged), staged };
}

/** A layer with a new kernel and bias. */
function withWeights(
  facts: LayersModelFacts,
  { layer, weights: matrix, bias }: LayerRewrite,
  weights: Map<string, Weight>,
): LayerDef {
  const { def, layout, kernel, bias: oldBias, layer: own } = facts.layer(layer);
  const span = spanOf(own);
  const outputs = matrix.rows / span;
  const last = layout === 'outputs first' ? [outputs, matrix.cols] : [matrix.cols, outputs];
  const shape = [...(own.window?.kernel ?? []), ...last];
  const values = kernelOfRows(matrix, span, layout);
  weights.set(kernel, storedAs(facts.weights.get(kernel)!, layer, kernel, shape, values));
  let { config } = def;
  const size = classOf(def.className)!.size!;
  if (config[size] !== outputs) config = { ...config, [size]: outputs };
  if (bias !== null) {
    const name = oldBias ?? kernel.replace(/kernel$/, 'bias');
    const old = facts.weights.get(name);
    weights.set(
      name,
      old ? storedAs(old, layer, name, [bias.length], bias) : floatWeight(name, [bias.length], bias),
    );
    if (config.use_bias === false) config = { ...config, use_bias: true };
  }
  return { ...def, config };
}

/** Columns in this order; −1 stands for zeros. */
function withColumns(matrix: DenseMatrix, order: Int32Array): DenseMatrix {
  const result = denseMatrix(matrix.rows, order.length);
  for (let i = 0; i < matrix.rows; i++) {
    for (let j = 0; j < order.length; j++) {
      result.data[i * order.length + j] = order[j]! < 0 ? 0 : matrix.data[i * matrix.cols + order[j]!]!;
    }
  }
  return result;
}

/** Puts another number of features into the layers that it passes and that say it. */
function follow(
  facts: LayersModelFacts,
  width: WidthChange | undefined,
  current: Map<LayerDef, LayerDef>,
): void {
  if (width === undefined) return;
  for (const def of width.through.map((name) => facts.def(name))) {
    const entry = classOf(def.className)?.sizes;
    const sizes = entry && def.config[entry];
    const { after } = facts.factsOf(def, 0);
    if (entry === undefined || !Array.isArray(sizes) || after === undefined) continue;
    const axis = sizes.length - 1 - after;
    // A size that is left open follows by itself.
    if (sizes[axis] !== width.from) continue;
    const now = current.get(def) ?? def;
    current.set(def, { ...now, config: { ...now.config, [entry]: sizes.with(axis, width.to) } });
  }
}
