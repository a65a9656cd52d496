/** All classes of layers that are known, one entry each. */
import { ELEMENTWISE_CLASSES } from './elementwise.js';
import type { LayerClass } from './layer-class.js';
import { LAYOUTS } from './layouts.js';
import { NORMALISATIONS } from './normalisations.js';
import { PRODUCTS } from './products.js';
import { SEQUENCES } from './sequences.js';

export const LAYER_CLASSES: readonly LayerClass[] = [
  ...ELEMENTWISE_CLASSES,
  ...NORMALISATIONS,
  ...LAYOUTS,
  ...PRODUCTS,
  ...SEQUENCES,
];

const BY_NAME: ReadonlyMap<string, LayerClass> = new Map(LAYER_CLASSES.map((own) => [own.name, own]));

/** Undefined for classes of a model's own. */
export function classOf(className: string): LayerClass | undefined {
  return BY_NAME.get(className);
}
