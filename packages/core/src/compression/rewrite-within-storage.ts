/**
 * Folding where weights are stored in a coarse type. One step of an evenly spaced type serves a whole tensor: rows that are
 * multiplied by factors of very different size share the step of the largest. Factors and sums that would cost the rows more than the
 * storage already does stay explicit, where they are exact; the order of the columns costs nothing and folds.
 */
import type { FoldPlan } from '../folding/norm-folding.js';
import type { Model } from '../format/model-format.js';
import type { CompressedLayer } from './compressed-layer.js';
import { planRewrite, type RewriteOptions } from './plan-rewrite.js';

/**
 * The most by which folding may raise a tensor's rounding. The errors of both storages are independent, so up to here what the model
 * bears already grows to √5 of it at most.
 */
const COARSER = 2;

/** A model and the fold plans by layer that made it. */
export interface RewrittenModel {
  readonly model: Model;
  readonly folds: ReadonlyMap<string, FoldPlan>;
}

/** The model with its layers compressed; see `planRewrite`. */
export function rewriteWithinStorage(
  model: Model,
  compressed: ReadonlyMap<string, CompressedLayer>,
  options: RewriteOptions,
): RewrittenModel {
  const rewrite = (explicitScales?: ReadonlyMap<string, string>): RewrittenModel => {
    const { folds, rewrite } = planRewrite(model, compressed, { ...options, explicitScales });
    return { model: model.rewrite(rewrite), folds };
  };
  const folded = rewrite();
  const before = roundings(folded.model);
  if (before.size === 0) return folded;
  const suspects = new Map<string, string>();
  for (const [layer, fold] of folded.folds) {
    const target = scaledBy(fold).find((name) => {
      const own = before.get(name);
      return own !== undefined && own.error > COARSER * own.before;
    });
    if (target === undefined) continue;
    const { error } = before.get(target)!;
    const cost = folded.model.vanishing?.has(target)
      ? `would make weights of ${target} too small for their type`
      : Number.isFinite(error)
        ? `would round the weights of ${target} by ${percent(error)}`
        : `would not fit into the type of ${target}'s weights`;
    const what = fold.sumInto === null ? 'the factors stay' : 'the sums stay';
    suspects.set(layer, `${what} explicit: they ${cost}`);
  }
  if (suspects.size === 0) return folded;
  const unfolded = rewrite(suspects);
  const after = roundings(unfolded.model);
  // What is as coarse without the factors gains nothing by keeping them apart.
  const explicit = new Map(
    [...suspects].filter(([layer]) =>
      scaledBy(folded.folds.get(layer)!).some(
        (name) => (before.get(name)?.error ?? 0) > COARSER * (after.get(name)?.error ?? 0),
      ),
    ),
  );
  if (explicit.size === 0) return folded;
  return explicit.size === suspects.size ? unfolded : rewrite(explicit);
}

function roundings(model: Model): ReadonlyMap<string, { error: number; before: number }> {
  const overflowing = [...(model.overflowing ?? [])].map(
    (name) => [name, { error: Number.POSITIVE_INFINITY, before: 0 }] as const,
  );
  const vanishing = [...(model.vanishing ?? [])].map((name) => [name, { error: 1, before: 0 }] as const);
  return new Map([...(model.rounding?.operations ?? []), ...vanishing, ...overflowing]);
}

/** The layers and operations whose parameters take the factors. */
function scaledBy({ scaleInto, steps }: FoldPlan): string[] {
  const scaled = steps.filter(({ scale }) => scale).map(({ operation }) => operation);
  return scaleInto === null ? [] : [...new Set([scaleInto, ...scaled])];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
