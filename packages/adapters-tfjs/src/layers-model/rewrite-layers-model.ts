/** Carries out core's instructions on a LayersModel. */
import { InputError, type LayerRewrite, type ModelRewrite, transpose } from '@spherize/core';
import { isObject } from '../artifacts/json.js';
import { floatWeight, type Weight, type Weights } from '../artifacts/weights.js';
import { clusterSum } from './cluster-sum.js';
import { rewriteFeatures } from './feature-parameters.js';
import { foldBlocks } from './fold-blocks.js';
import type { LayerDef, LayerGraph } from './layer-graph.js';
import type { LayersModelFacts } from './layers-model-facts.js';

/** @throws InputError `UNKNOWN_NAME` for a layer or operation that the model does not have */
export function rewriteLayersModel(
  facts: LayersModelFacts,
  rewrite: ModelRewrite,
): { graph: LayerGraph; weights: Weights } {
  requireOnce([
    ...rewrite.layers.map(({ layer }) => layer),
    ...rewrite.features.map(({ operation }) => operation),
  ]);
  const { layers, features, blocks } = foldBlocks(facts, rewrite);
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
  for (const change of layers) {
    const target = facts.layer(change.layer);
    checkShapes(change);
    let def = withWeights(facts, change, weights);
    if (change.input !== null) {
      const [call] = target.def.calls;
      const sum = clusterSum(
        { layer: change.layer, input: call!.inputs[0]!, leading: target.leading, fresh },
        change.input,
        blocks.get(change.layer),
      );
      for (const weight of sum.weights) weights.set(weight.spec.name, weight);
      before.set(target.def, sum.layers);
      // A first layer that says its input's shape now reads another one.
      const { batch_input_shape: _, ...config } = def.config;
      def = { ...def, config, calls: [{ inputs: [sum.output], options: call!.options }] };
    }
    current.set(target.def, def);
    resize(facts, target.def, target.layer.outputs, change.weights.rows, current);
  }
  for (const change of features) {
    const def = facts.def(change.operation);
    const rewritten = rewriteFeatures(current.get(def) ?? def, change, weights, facts.names);
    current.set(def, rewritten.def);
    if (change.order !== null && 'filters' in def.config) {
      resize(facts, def, rewritten.features, change.order.length, current);
    }
  }
  const graph = {
    ...facts.graph,
    layers: facts.graph.layers.flatMap((def) => [...(before.get(def) ?? []), current.get(def) ?? def]),
  };
  return { graph, weights };
}

function requireOnce(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`${twice} is rewritten twice`);
}

/** A Dense layer with a new kernel and bias, which TensorFlow.js stores as `[inputs, outputs]`. */
function withWeights(
  facts: LayersModelFacts,
  { layer, weights: matrix, bias }: LayerRewrite,
  weights: Map<string, Weight>,
): LayerDef {
  const { def, kernel, bias: oldBias } = facts.layer(layer);
  const stored = transpose(matrix);
  weights.set(kernel, floatWeight(kernel, [stored.rows, stored.cols], stored.data));
  let { config } = def;
  if (config.units !== matrix.rows) config = { ...config, units: matrix.rows };
  if (bias !== null) {
    const name = oldBias ?? kernel.replace(/kernel$/, 'bias');
    weights.set(name, floatWeight(name, [bias.length], bias));
    if (config.use_bias === false) config = { ...config, use_bias: true };
  }
  return { ...def, config };
}

function checkShapes({ layer, weights, bias, input }: LayerRewrite): void {
  const clusters = input?.groups.reduce((sum, { count }) => sum + count, 0) ?? weights.cols;
  if (clusters !== weights.cols || clusters === 0) {
    throw new Error(`${layer}: ${clusters} clusters but weights of ${weights.cols} columns`);
  }
  if (bias !== null && bias.length !== weights.rows) {
    throw new Error(`${layer}: ${bias.length} bias values but weights of ${weights.rows} rows`);
  }
  const needed = input?.gather?.length ?? input?.multiply?.length;
  const summed = input?.groups.reduce((sum, { size, count }) => sum + size * count, 0);
  if (needed !== undefined && needed !== summed) {
    throw new Error(`${layer}: ${needed} positions but groups of ${summed}`);
  }
}

/** The number of features of a layer changed: follows it through the Reshapes up to the next layers. */
function resize(
  facts: LayersModelFacts,
  start: LayerDef,
  before: number,
  after: number,
  current: Map<LayerDef, LayerDef>,
): void {
  if (before === after) return;
  const visited = new Set<LayerDef>();
  const pending = [start];
  for (let def = pending.pop(); def !== undefined; def = pending.pop()) {
    if (facts.isOutput(def)) {
      throw new InputError(
        'UNSUPPORTED',
        `${start.name}: its ${before} features reach the model's output ${def.name}`,
      );
    }
    for (const reader of facts.readers(def)) {
      if (visited.has(reader) || reader.className === 'Dense') continue;
      visited.add(reader);
      const target = reader.config.target_shape;
      if (reader.className === 'Reshape' && Array.isArray(target)) {
        const now = current.get(reader) ?? reader;
        const shape = target.map((size) => (size === before ? after : size));
        current.set(reader, { ...now, config: { ...now.config, target_shape: shape } });
      }
      if (!isObject(reader.config.layers)) pending.push(reader);
    }
  }
}
