/** Shapes for one size of every free axis of the model's inputs: sizes that nothing else in a model is likely to have. */
import { count } from '../artifacts/json.js';
import type { Shape } from './classes/layer-class.js';
import { INPUT_LAYER, type LayerGraph } from './layer-graph.js';
import { inferTensors } from './tensor-facts.js';

const BATCH = 13;
const SIZES = [17, 19, 23, 29, 31, 37, 41, 43, 47];
/** Images keep enough positions for every window. */
const POSITIONS = 224;

/** By tensor. */
export function boundShapes(graph: LayerGraph): ReadonlyMap<string, Shape> {
  let used = 0;
  const layers = graph.layers.map((def) => {
    const shape = def.config.batch_input_shape;
    if (def.className !== INPUT_LAYER || !Array.isArray(shape)) return def;
    const bound = shape.map((size, axis) => {
      if (axis === 0) return count(size) ?? BATCH;
      return count(size) ?? (shape.length >= 4 ? POSITIONS : SIZES[used++ % SIZES.length]!);
    });
    return { ...def, config: { ...def.config, batch_input_shape: bound } };
  });
  const { shapes } = inferTensors({ ...graph, layers });
  // Models that are layers leave the batch open.
  return new Map([...shapes].map(([name, [batch = BATCH, ...rest]]) => [name, [batch, ...rest]]));
}
