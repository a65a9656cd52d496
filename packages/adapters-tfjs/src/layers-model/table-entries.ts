/** How many entries the tables have in which an input's values are places. */
import { type LayerGraph, type TensorRef, tensorName } from './layer-graph.js';

/** Entries of the smallest Embedding that reads an input; undefined where there is none. */
export function tableEntries({ layers }: LayerGraph, input: TensorRef): number | undefined {
  const name = tensorName(input);
  const sizes = layers
    .filter(
      ({ className, calls, name: own }) =>
        className === 'Embedding' &&
        (own === input.layer || calls.some(({ inputs }) => inputs.some((ref) => tensorName(ref) === name))),
    )
    .flatMap(({ config }) => (typeof config.input_dim === 'number' ? [config.input_dim] : []));
  return sizes.length > 0 ? Math.min(...sizes) : undefined;
}
