import type { Model } from '../format/model-format.js';
import { type FoldPlan, planFold } from './norm-folding.js';

const known = new WeakMap<Model, ReadonlyMap<string, FoldPlan>>();

/** How every layer of a model folds, by the layer's name. Found once per model: models never change. */
export function foldsOf(model: Model): ReadonlyMap<string, FoldPlan> {
  let folds = known.get(model);
  if (folds === undefined) {
    const { layers, graph } = model;
    folds = new Map(layers.map(({ name, input, inputs }) => [name, planFold(graph, input, inputs)]));
    known.set(model, folds);
  }
  return folds;
}
