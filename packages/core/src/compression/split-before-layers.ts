import { foldsOf } from '../folding/model-folds.js';
import type { FcLayer, Model } from '../format/model-format.js';

/**
 * Cuts a model before the first of some layers, such that they can be compressed in the tail as in the whole: what they fold into
 * is in the tail too. The head need run only once for all settings.
 *
 * @returns as `Model.split`
 */
export function splitBeforeLayers(
  model: Model,
  layers: readonly FcLayer[],
): { head: Model | undefined; tail: Model } {
  const foldTargets = layers.flatMap((layer) => {
    const { scaleInto, orderInto, steps } = foldsOf(model).get(layer.name)!;
    return [scaleInto, orderInto, ...steps.map(({ operation }) => operation)].filter((name) => name !== null);
  });
  return model.split(
    layers.map(({ name }) => name),
    foldTargets,
  );
}
