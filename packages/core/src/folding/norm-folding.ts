/**
 * Norm folding, permutation folding and sum folding: what may move from a layer's input columns into the previous layer's rows.
 *
 * With `x_j = φ(p_j·h + β_j)` and φ positively homogeneous, `s_j·x_j = φ((s_j p_j)·h + s_j β_j)`: a factor per column
 * costs nothing when it is multiplied into row j of the previous layer. The order of the columns moves through
 * anything that treats all features alike, homogeneous or not. Where everything on the way is linear, the sum of a cluster's members
 * moves as well: `Σ s_j L(p_j·h + β_j) = L((Σ s_j p_j)·h + Σ s_j β_j)`, so that the previous layer makes k features and nothing is left
 * of the sum. All of it is legal only while nothing else reads the tensors on the way and the previous weights belong to one layer.
 */
import type { FeatureGraph } from '../format/feature-flow.js';
import { type Passage, upstreamOf } from './upstream.js';

/** An operation on the way whose parameters per feature must follow. */
export interface FoldStep {
  readonly operation: string;
  /** Whether its parameters are multiplied by the factors as well as reordered. */
  readonly scale: boolean;
  /** Its own factors, which move into what precedes it where sums fold through it. */
  readonly factors?: Float32Array | undefined;
}

/** Where the factors, the order and the sums of a layer's input columns go. */
export interface FoldPlan {
  /** The layer or operation that takes the factors, or null when they stay explicit. */
  readonly scaleInto: string | null;
  /** The layer or operation whose rows take the order of the columns, or null when it stays a gather. */
  readonly orderInto: string | null;
  /** The layer or operation whose rows are added up to one for each cluster, then `orderInto` as well; null when the sums stay explicit. */
  readonly sumInto: string | null;
  /** Whether `orderInto` is one of the model's layers, whose rows core rewrites, rather than an operation. */
  readonly targetIsLayer: boolean;
  /** All operations between the layer and `orderInto`, downstream first; none when the order does not fold. */
  readonly path: readonly string[];
  /** Operations with parameters per feature that are reordered or scaled on the way, downstream first. */
  readonly steps: readonly FoldStep[];
  /** One sentence that says how it folds, or why not. */
  readonly reason: string;
}

/**
 * Walks upstream from a layer's input and decides what folds.
 *
 * @param graph the operations of the model
 * @param input the layer's input tensor
 * @param columns n, the number of the layer's input columns
 */
export function planFold(graph: FeatureGraph, input: string, columns: number): FoldPlan {
  const upstream = upstreamOf(graph);
  const steps: FoldStep[] = [];
  const passed: string[] = [];
  let tensor = input;
  let scaleInto: string | null = null;
  let scaleBlocked: string | null = null;
  let pooled: Passage | undefined;
  let acrossSamples: Passage | undefined;
  let linear = true;
  /** Why the sums stay explicit though all is linear. */
  let sumsStay: string | undefined;

  const stop = (why: string): FoldPlan => {
    const none = { scaleInto, orderInto: null, sumInto: null, targetIsLayer: false, path: [] };
    return scaleInto === null
      ? {
          ...none,
          steps: [],
          reason: scaleBlocked === null ? why : `${scaleBlocked}; the order stays a gather: ${why}`,
        }
      : {
          ...none,
          steps: steps.filter((step) => step.scale),
          reason: `the factors fold into ${scaleInto}; the order stays a gather: ${why}`,
        };
  };
  const finish = (target: string, isLayer: boolean): FoldPlan => {
    if (scaleBlocked !== null) {
      return {
        scaleInto: null,
        orderInto: target,
        sumInto: null,
        targetIsLayer: isLayer,
        path: passed,
        steps: steps.map((step) => ({ ...step, scale: false })),
        reason: `${scaleBlocked}; the order folds into ${target}`,
      };
    }
    const through = passed.length > 0 ? ` through ${passed.join(', ')}` : '';
    const into = scaleInto ?? target;
    const plan = { scaleInto: into, orderInto: target, targetIsLayer: isLayer, path: passed };
    if (linear && sumsStay === undefined) {
      return {
        ...plan,
        scaleInto: target,
        sumInto: target,
        steps: steps.map((step) => ({ ...step, scale: true })),
        reason: `the sums fold into ${target}${through}`,
      };
    }
    const folds =
      into === target
        ? `folds into ${target}${through}`
        : `the factors fold into ${into}, the order into ${target}${through}`;
    return {
      ...plan,
      steps: steps.map(({ operation, scale }) => ({ operation, scale })),
      sumInto: null,
      reason: linear ? `${folds}; the sums stay: ${sumsStay}` : folds,
    };
  };

  for (;;) {
    if (upstream.uses(tensor) > 1) return stop(`${tensor} has other consumers`);
    const operation = upstream.producer(tensor);
    if (operation === undefined) return stop(`${tensor} comes from outside the graph`);
    const { name, effect } = operation;
    if ('features' in effect && effect.features !== columns) {
      return stop(
        `${describe(operation)} has ${effect.features} features, and each feeds several of the ${columns} columns`,
      );
    }
    // Behind a fully connected layer features are the last axis, which such a layout keeps where its length stays.
    if (acrossSamples && 'features' in effect) {
      return stop(`${describe(acrossSamples)} may not keep the features of ${name} apart`);
    }
    switch (effect.type) {
      case 'fully-connected':
        if (effect.shared) return stop(`the weights of ${effect.layer} are shared`);
        if (pooled) return stop(`${describe(pooled)} merges outputs of ${effect.layer}`);
        if (effect.outputs !== columns) {
          return stop(`the ${effect.outputs} outputs of ${effect.layer} are not the ${columns} columns`);
        }
        return finish(effect.layer, true);
      case 'convolution':
        if (effect.filters !== columns) {
          return stop(
            `after a convolution: each of the ${effect.filters} filters of ${name} feeds several of the ${columns} columns`,
          );
        }
        if (!effect.foldable) return stop(`the filters of ${name} are shared or grouped`);
        if (acrossSamples)
          return stop(`${describe(acrossSamples)} does not keep the channels of ${name} apart`);
        return finish(effect.layer ?? name, effect.layer !== undefined);
      case 'elementwise':
      case 'elementwise-per-feature':
        linear = false;
        if (effect.type !== 'elementwise') steps.push({ operation: name, scale: false });
        scaleBlocked ??= scaleInto === null ? `${describe(operation)} is not positively homogeneous` : null;
        break;
      case 'homogeneous-per-feature':
        linear = false;
        steps.push({ operation: name, scale: false });
        break;
      case 'shift':
      case 'bound':
        linear &&= effect.type === 'shift';
        steps.push({ operation: name, scale: scaleInto === null });
        break;
      case 'affine':
        if (effect.factors === undefined) {
          sumsStay ??= `${describe(operation)} multiplies each feature by values of its own`;
        }
        steps.push({
          operation: name,
          scale: scaleInto === null,
          ...(effect.factors && { factors: effect.factors }),
        });
        if (scaleBlocked === null) scaleInto ??= name;
        break;
      case 'normalization':
        if (scaleBlocked === null && scaleInto === null) {
          steps.push({ operation: name, scale: true });
          scaleInto = name;
        }
        return stop(`${describe(operation)} normalises over all features`);
      case 'pooling':
        linear &&= effect.linear;
        pooled ??= operation;
        break;
      case 'layout':
        if (!effect.perSample) acrossSamples ??= operation;
        if (effect.size !== undefined && effect.size !== columns) {
          sumsStay ??= `${describe(operation)} fixes the number of features`;
        }
        break;
      case 'linear':
        break;
      case 'homogeneous':
        linear = false;
        break;
      case 'apart':
      case 'other':
        return stop(
          `${describe(operation)} ${('reason' in effect && effect.reason) || 'mixes or reorders features'}`,
        );
    }
    passed.push(name);
    tensor = operation.input;
  }
}

function describe(operation: Passage): string {
  return operation.name === operation.label ? operation.label : `${operation.label} ${operation.name}`;
}
