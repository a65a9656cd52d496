import { InputError } from '../errors.js';
import type { ModelFeatures } from '../format/feature-flow.js';
import type { Model } from '../format/model-format.js';

/** @throws InputError `UNSUPPORTED` for a model whose format cannot make widths narrower */
export function requireFeatures({ features }: Model): ModelFeatures {
  if (features !== undefined) return features;
  throw new InputError('UNSUPPORTED', 'the format of this model cannot make widths narrower: reduce columns');
}
