/**
 * Norm folding and permutation folding: what may move from a layer's input columns into the previous layer's rows.
 *
 * With `x_j = φ(p_j·h + β_j)` and φ positively homogeneous, `s_j·x_j = φ((s_j p_j)·h + s_j β_j)`: a factor per column
 * costs nothing when it is multiplied into row j of the previous layer. The order of the columns moves through
 * anything that treats all features alike, homogeneous or not. Both are legal only while nothing else reads the tensors on
 * the way and the previous weights belong to one layer.
 */
import type { GraphOperation, GraphView } from '../format/graph-view.js';

/** An operation on the way whose parameters per feature must follow. */
export interface FoldStep {
  readonly operation: string;
  /** Whether its parameters are multiplied by the factors as well as reordered. */
  readonly scale: boolean;
}

/** Where the factors and the order of a layer's input columns go. */
export interface FoldPlan {
  /** The layer or operation that takes the factors, or null when they stay explicit. */
  readonly scaleInto: string | null;
  /** The layer or operation whose rows take the order of the columns, or null when it stays a gather. */
  readonly orderInto: string | null;
  /** Whether `orderInto` is a fully connected layer, whose rows core rewrites, rather than an operation. */
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
 * @param graph the graph around the layer
 * @param input the layer's input tensor
 * @param columns n, the number of the layer's input columns
 */
export function planFold(graph: GraphView, input: string, columns: number): FoldPlan {
  const steps: FoldStep[] = [];
  const passed: string[] = [];
  let tensor = input;
  let scaleInto: string | null = null;
  let scaleBlocked: string | null = null;
  let pooled: GraphOperation | undefined;
  let acrossSamples: GraphOperation | undefined;

  const stop = (why: string): FoldPlan =>
    scaleInto === null
      ? { scaleInto, orderInto: null, targetIsLayer: false, path: [], steps: [], reason: scaleBlocked ?? why }
      : {
          scaleInto,
          orderInto: null,
          targetIsLayer: false,
          path: [],
          steps: steps.filter((step) => step.scale),
          reason: `the factors fold into ${scaleInto}; the order stays a gather: ${why}`,
        };
  const finish = (target: string, isLayer: boolean): FoldPlan => {
    if (scaleBlocked !== null) {
      return {
        scaleInto: null,
        orderInto: target,
        targetIsLayer: isLayer,
        path: passed,
        steps: steps.map((step) => ({ ...step, scale: false })),
        reason: `${scaleBlocked}; the order folds into ${target}`,
      };
    }
    const through = passed.length > 0 ? ` through ${passed.join(', ')}` : '';
    const into = scaleInto ?? target;
    return {
      scaleInto: into,
      orderInto: target,
      targetIsLayer: isLayer,
      path: passed,
      steps,
      reason:
        into === target
          ? `folds into ${target}${through}`
          : `the factors fold into ${into}, the order into ${target}${through}`,
    };
  };

  for (;;) {
    if (graph.uses(tensor) > 1) return stop(`${tensor} has other consumers`);
    const operation = graph.producer(tensor);
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
        return finish(name, false);
      case 'elementwise':
      case 'elementwise-per-feature':
        if (effect.type !== 'elementwise') steps.push({ operation: name, scale: false });
        scaleBlocked ??= scaleInto === null ? `${describe(operation)} is not positively homogeneous` : null;
        break;
      case 'homogeneous-per-feature':
        steps.push({ operation: name, scale: false });
        break;
      case 'shift':
        steps.push({ operation: name, scale: scaleInto === null });
        break;
      case 'affine':
        steps.push({ operation: name, scale: scaleInto === null });
        if (scaleBlocked === null) scaleInto ??= name;
        break;
      case 'normalization':
        if (scaleBlocked === null && scaleInto === null) {
          steps.push({ operation: name, scale: true });
          scaleInto = name;
        }
        return stop(`${describe(operation)} normalises over all features`);
      case 'pooling':
        pooled ??= operation;
        break;
      case 'layout':
        if (!effect.perSample) acrossSamples ??= operation;
        break;
      case 'homogeneous':
        break;
      case 'other':
        return stop(`${describe(operation)} ${effect.reason ?? 'mixes or reorders features'}`);
    }
    passed.push(name);
    tensor = operation.input;
  }
}

function describe(operation: GraphOperation): string {
  return operation.name === operation.label ? operation.label : `${operation.label} ${operation.name}`;
}
